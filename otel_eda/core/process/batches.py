"""Polled batches, whose iterators begin and end the process span around each message."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from otel_eda.core.process import hand_over
from otel_eda.core.process.loops import LoopProcessing
from otel_eda.core.runtime.frames import caller
from otel_eda.core.runtime.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType
    from typing import SupportsIndex

    from typing_extensions import Self

    from otel_eda.core.clients.client import Client
    from otel_eda.core.propagation.trust import Polled


class TracedList(list[Any]):
    """A polled list of messages that equals the library's; iterating it processes message by message."""

    __slots__ = ("_client", "_polled")

    def __init__(
        self, records: Iterable[Any] = (), client: Client | None = None, polled: dict[int, Polled] | None = None
    ) -> None:
        super().__init__(records)
        self._client, self._polled = client, polled or {}

    def __iter__(self) -> Iterator[Any]:
        # Whoever makes a list of the same type has no client, or has not even called its constructor.
        client = getattr(self, "_client", None)
        if client is None or client.library.telemetry.scope is None:
            return super().__iter__()
        return TracedListIterator(super().__iter__(), client, self._polled, caller())

    def append(self, item: Any, /) -> None:
        """Add an object of the application's."""
        self._forget_removed()
        super().append(item)

    def insert(self, index: SupportsIndex, item: Any, /) -> None:
        """Add an object of the application's."""
        self._forget_removed()
        super().insert(index, item)

    def extend(self, items: Iterable[Any], /) -> None:
        """Add objects of the application's."""
        self._forget_removed()
        super().extend(items)

    def __iadd__(self, items: Iterable[Any], /) -> Self:  # type: ignore[misc]  # as that of `list`
        self._forget_removed()
        return super().__iadd__(items)

    def __setitem__(self, index: Any, item: Any, /) -> None:
        self._forget_removed()
        super().__setitem__(index, item)

    @guarded
    def _forget_removed(self) -> None:
        # An id stands for a message only while the message lives; what was removed may be gone, and its id another's.
        polled = getattr(self, "_polled", None)
        if polled:
            here = set(map(id, self[:]))
            for key in [key for key in polled if key not in here]:
                del polled[key]

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        return list, (self[:],)


class TracedListIterator:
    """An iterator over a batch, with a process span around each message."""

    __slots__ = ("_last", "_loop", "_polled", "_records")
    _last: Any

    def __init__(
        self, records: Iterator[Any], client: Client, polled: dict[int, Polled], frame: FrameType | None
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
