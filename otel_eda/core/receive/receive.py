"""Receives: a pulled batch."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.instances import client_of
from otel_eda.core.process import deferral, per_task
from otel_eda.core.process.loops import Batch
from otel_eda.core.propagation import trust
from otel_eda.core.receive.receiving import Pull
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import idle

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch, Wrap
    from otel_eda.core.propagation.trust import Polled


@dataclass(frozen=True)
class Receive:
    """A call, sync or async, that pulls a batch.

    `batches` gives its result with each list of messages replaced by what a function gives; `timed` is as with
    `PullOne`.
    """

    target: str
    batches: Callable[[Any, Callable[[list[Any]], list[Any]]], Any]
    operation: str = "poll"
    timed: bool = True

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            def receive(*args: Any, **kwargs: Any) -> Any:
                pull = self._begin(library, args) if switch.on else None
                if pull is None:
                    return original(*args, **kwargs)
                with pull:
                    result = original(*args, **kwargs)
                return self._received(pull, result) or result

            async def receive_async(*args: Any, **kwargs: Any) -> Any:
                pull = self._begin(library, args) if switch.on else None
                if pull is None:
                    return await original(*args, **kwargs)
                with pull:
                    result = await original(*args, **kwargs)
                return self._received(pull, result) or result

            return receive_async if inspect.iscoroutinefunction(original) else receive

        return make

    @guarded
    def _begin(self, library: Library, args: tuple[Any, ...]) -> Pull | None:
        if not args or idle(library.telemetry):
            return None
        pull = Pull(client_of(args[0], library), args[0], self.operation, timed=self.timed)
        if not pull.inner:
            per_task.over(pull.client)
            deferral.sweep(pull.client)
        return pull

    def _measure(self, pull: Pull, result: Any) -> None:
        # Within another pull, that one makes the spans, and this one is what takes the time if that one is not timed.
        topics: set[str] = set()

        def look(records: list[Any]) -> list[Any]:
            message = pull.client.library.message(records[0]) if records else None
            topics.update([message.destination] if message else [])
            return records

        self.batches(result, look)
        pull.took(topics.pop() if len(topics) == 1 else None, None)

    @guarded
    def _received(self, pull: Pull, result: Any) -> Any:
        if pull.inner:
            if pull.timed:
                self._measure(pull, result)
            return None
        polled: list[Polled] = []

        def keep(records: list[Any]) -> list[Any]:
            read = _read(records, pull.client)
            polled.extend(read.values())
            return Batch(records, pull.client, read)

        kept = self.batches(result, keep)
        pull.received(polled)
        return kept


def _read(records: list[Any], client: Client) -> dict[int, Polled]:
    read = client.library.message
    messages = ((record, read(record)) for record in records)
    return {id(record): (message, *trust.accepted(message)) for record, message in messages if message}
