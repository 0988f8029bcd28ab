"""The end of a client, and of the process: nothing stays open."""

from __future__ import annotations

import atexit
import sys
import threading
from typing import TYPE_CHECKING

from otel_eda.core.clients.instances import live_clients
from otel_eda.core.process import per_task, unretrieved, workers
from otel_eda.core.process.processing import open_processings
from otel_eda.core.runtime import finalizers
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork, on_reset
from otel_eda.core.telemetry import hooks
from otel_eda.core.telemetry.errors import Unresolved

if TYPE_CHECKING:
    from otel_eda.core.clients.client import Client


@guarded
def end_client(client: Client, why: str, error: BaseException | None = None) -> None:
    """End everything that is open at a client: sends as unresolved, process spans as done or with an error."""
    for sending in list(client.pending_sends.values()):
        sending.abandoned(Unresolved(f"{why} before the broker answered"))
    for settlement in client.take_unanswered():
        settlement.failed(Unresolved(f"{why} before the broker answered"))
    per_task.end_all(client, error)


def end_everything(error: BaseException | None = None) -> None:
    """End what is open: when the interpreter ends, or we are switched off, nothing may be lost without a word.

    `error` is what leaves the main thread, if it is not what the interpreter has printed.
    """
    finalizers.take_left()
    workers.step_out()
    _end_by_uncaught(getattr(sys, "last_value", error))
    for client in live_clients():
        end_client(client, "the process ended", GeneratorExit())
    for processing in open_processings.all():
        processing.end(GeneratorExit())
    unretrieved.end_calls()
    hooks.end_all()


def _end_by_uncaught(error: BaseException | None) -> None:
    # What ended the main thread, as the interpreter has printed it, is what its message came to.
    main = threading.main_thread().ident
    for processing in open_processings.all():
        if error is not None and processing.owner == main and processing.pending_error is not error:
            processing.end_unless_manual(error)


def register_at_exit() -> None:
    """Register `end_everything` to run at the interpreter's exit, before the handlers registered so far.

    `atexit` runs backwards: the clients' own exit handlers, registered later, come first, then ours, then the SDK's
    shutdown.
    """
    atexit.unregister(end_everything)
    atexit.register(end_everything)


@on_reset
def _reset_clients() -> None:
    for client in live_clients():
        client.reset()


@on_fork
def _forget_open() -> None:
    _reset_clients()
    for client in live_clients():
        client.forget_open()
