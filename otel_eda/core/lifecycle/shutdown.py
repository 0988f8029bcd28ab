"""A client's end, and the process's: nothing stays open."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING

from otel_eda.core.clients.instances import clients
from otel_eda.core.ledger import ledger, senders
from otel_eda.core.process import per_task, processing
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.telemetry.errors import Unresolved

if TYPE_CHECKING:
    from otel_eda.core.clients.client import Client


@guarded
def end(client: Client, why: str, error: BaseException | None = None) -> None:
    """End everything of a client that is still open: sends as unresolved, turns as done or with an error."""
    for sending in list(client.pending.values()):
        sending.abandoned(Unresolved(f"{why} before the broker answered"))
    while client.unanswered:
        client.unanswered.popleft().failed(Unresolved(f"{why} before the broker answered"))
    per_task.end_all(client, error)


def end_everything() -> None:
    """End what is open: when the interpreter ends, or we are switched off, nothing may be lost without a word.

    The ledgers begin anew: of what comes to pass from now on they would hear nothing.
    """
    for client in list(clients):
        end(client, "the process ended", GeneratorExit())
    for turn in list(processing.open_turns.values()):
        turn.end(GeneratorExit())
    _begin_anew()


def at_exit() -> None:
    """Have `end_everything` called after what was registered later, and before what was registered earlier.

    `atexit` runs backwards: the clients' own exit handlers come first, then ours, then the SDK's shutdown.
    """
    atexit.unregister(end_everything)
    atexit.register(end_everything)


def _begin_anew() -> None:
    ledger.forget_all()
    senders.together.forget()
    for client in list(clients):
        client.ledger = ledger.ledger_of(client.library.system, client.identity)
        client.routes.clear()  # they know the accounts


def _forget() -> None:
    _begin_anew()
    for client in clients:
        for sending in client.pending.values():
            sending.done = True  # its client may yet drop it here
        client.pending.clear()
        client.unanswered.clear()
        client.pulls.clear()
        client.tasks.clear()
        client.deferred.clear()


os.register_at_fork(after_in_child=_forget)
