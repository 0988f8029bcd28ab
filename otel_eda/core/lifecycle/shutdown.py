"""A client's end, and the process's: nothing stays open."""

from __future__ import annotations

import atexit
import sys
import threading
from typing import TYPE_CHECKING

from otel_eda.core.clients.instances import live_clients
from otel_eda.core.process import per_task
from otel_eda.core.process.processing import open_processings
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork, on_reset
from otel_eda.core.telemetry.errors import Unresolved

if TYPE_CHECKING:
    from otel_eda.core.clients.client import Client


@guarded
def end_client(client: Client, why: str, error: BaseException | None = None) -> None:
    """End everything of a client that is still open: sends as unresolved, turns as done or with an error."""
    for sending in list(client.pending_sends.values()):
        sending.abandoned(Unresolved(f"{why} before the broker answered"))
    while client.unanswered_settlements:
        client.unanswered_settlements.popleft().failed(Unresolved(f"{why} before the broker answered"))
    per_task.end_all(client, error)


def end_everything() -> None:
    """End what is open: when the interpreter ends, or we are switched off, nothing may be lost without a word."""
    _end_by_uncaught(getattr(sys, "last_value", None))
    for client in live_clients():
        end_client(client, "the process ended", GeneratorExit())
    for processing in list(open_processings.values()):
        processing.end(GeneratorExit())


def _end_by_uncaught(error: BaseException | None) -> None:
    # What ended the main thread, as the interpreter has printed it, is what its message came to.
    main = threading.main_thread().ident
    for processing in list(open_processings.values()):
        if error is not None and processing.owner == main and processing.pending_error is not error:
            processing.end_unless_manual(error)


def register_at_exit() -> None:
    """Have `end_everything` called after what was registered later, and before what was registered earlier.

    `atexit` runs backwards: the clients' own exit handlers come first, then ours, then the SDK's shutdown.
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
