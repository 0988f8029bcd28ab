"""The shape of a call that pulls a batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.instances import client_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.around import around
from otel_eda.core.process import deferral, per_task
from otel_eda.core.process.batches import TracedList
from otel_eda.core.propagation import trust
from otel_eda.core.receive.receiving import Receiving
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import RECEIVE, current_operation, enter, passes_through

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.propagation.trust import Polled

    Batches = Callable[[Any, Callable[[list[Any]], list[Any]]], Any]


@dataclass(frozen=True)
class ReceiveBatch(SinglePlace):
    """A call, sync or async, that pulls a batch.

    `batches` returns the call's result with each list of messages replaced by what a function returns for it; `timed`
    is as with `ReceiveOne`.
    """

    target: str
    batches: Batches
    operation: str = "poll"
    timed: bool = True

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call with a CLIENT span linked to its messages; its lists process message by message."""
        return around(original, switch, partial(self._begin, library))

    def _begin(self, library: Library, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _BatchReceiving | None:
        if not args or passes_through(library.telemetry):
            return None
        client = client_of(args[0], library)
        receiving = _BatchReceiving(client, args[0], self.operation, timed=self.timed, call=(args, kwargs))
        receiving.batches = self.batches
        if not current_operation.get().types & RECEIVE:
            per_task.finish_current(client)
            deferral.finish_unheld(client)
        receiving.operation = enter(receiving.types)
        return receiving


class _BatchReceiving(Receiving):
    """A pull that returns lists of messages."""

    __slots__ = ("batches",)

    batches: Batches

    def returned(self, result: Any) -> Any:
        """Return the result with a `TracedList` in place of each list."""
        self.operation.leave()
        return self._traced(result) or result

    @guarded
    def _traced(self, result: Any) -> Any:
        if self.is_inner:
            if self.timed:
                self._record_inner_duration(result)
            return None
        polled: list[Polled] = []

        def trace(records: list[Any]) -> list[Any]:
            read = _read_records(records, self.client)
            polled.extend(read.values())
            return TracedList(records, self.client, read)

        traced = self.batches(result, trace)
        self.record_batch(polled)
        return traced

    def _record_inner_duration(self, result: Any) -> None:
        # The outer pull makes the spans; this call takes the time if that one is not timed.
        topics: set[str] = set()

        def note_topic(records: list[Any]) -> list[Any]:
            message = self.client.library.message(records[0]) if records else None
            topics.update([message.destination] if message else [])
            return records

        self.batches(result, note_topic)
        self.record_duration(topics.pop() if len(topics) == 1 else None, None)


def _read_records(records: list[Any], client: Client) -> dict[int, Polled]:
    read, settings = client.library.message, client.settings
    messages = ((record, read(record)) for record in records)
    return {
        id(record): (message, *trust.incoming_context(message, settings)) for record, message in messages if message
    }
