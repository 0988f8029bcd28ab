"""Polled batches, whose iterators begin and end the process span around each message."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from otel_eda.core.process import hand_over
from otel_eda.core.process.loops import LoopProcessing
from otel_eda.core.runtime.frames import caller

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import FrameType

    from otel_eda.core.clients.client import Client
    from otel_eda.core.propagation.trust import Polled


class TracedList(list[Any]):
    """A polled list of messages that equals the library's; iterating it processes message by message."""

    __slots__ = ("_client", "_records_and_polled")

    def __init__(
        self, records: Iterable[Any] = (), client: Client | None = None, polled: Mapping[int, Polled] | None = None
    ) -> None:
        super().__init__(records)
        # The records are kept, too: an id stands for an object only while the object lives.
        self._records_and_polled = (tuple(self[:]) if polled else (), polled or {})
        self._client = client

    def __iter__(self) -> Iterator[Any]:
        # Whoever makes a list of the same type has no client, or has not even called its constructor.
        client = getattr(self, "_client", None)
        if client is None or client.library.telemetry.scope is None:
            return super().__iter__()
        return TracedListIterator(super().__iter__(), client, self._records_and_polled[1], caller())

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        return list, (self[:],)


class TracedListIterator:
    """An iterator over a batch, with a process span around each message."""

    __slots__ = ("_last", "_loop", "_polled", "_records")
    _last: Any

    def __init__(
        self, records: Iterator[Any], client: Client, polled: Mapping[int, Polled], frame: FrameType | None
    ) -> None:
        self._records, self._polled, self._last = records, polled, None
        self._loop = LoopProcessing(client, frame)

    def __iter__(self) -> TracedListIterator:
        self._loop.remember_request(caller())
        return self

    def __next__(self) -> Any:
        loop, last = self._loop, self._last
        loop.end_body(caller())
        if last is not None and not loop.is_copy and sys.getrefcount(last) > loop.references:
            hand_over.keep(loop.client, last, self._polled.get(id(last)))
        try:
            record = next(self._records)
        except StopIteration:
            self._last = None
            loop.stop_following()
            raise
        loop.begin_polled(record, self._polled.get(id(record)))
        self._last = record
        return record

    def __length_hint__(self) -> int:
        return self._records.__length_hint__()  # type: ignore[attr-defined,no-any-return]  # a list's iterator has it

    def __del__(self) -> None:
        self._loop.end_dropped(caller())
