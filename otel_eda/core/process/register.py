"""What is in processing: whoever asks finds it by its message, and one thread alone ends it."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

_SLOTS = 8  # of a message's identity: those of two objects differ by at least as much


class Registered(Protocol):
    """The processing of a message; `slot` is where it is found by that."""

    record: Any
    done: bool
    manual: bool
    slot: int


T = TypeVar("T", bound=Registered)


class Register(Generic[T]):
    """Every processing that has not ended.

    Threads share it without a lock: what a message costs is single operations of dicts. Several messages may be one
    object, as small ones are (`b""`): each processing has a slot of its own, the first free one from the identity of
    its message on. `by_message` has those that are found by their message, by their slots.
    """

    def __init__(self) -> None:
        self._all: dict[T, T] = {}
        self.by_message: dict[int, T] = {}
        self._taking = RLock()

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[T]:
        """Return every processing."""
        return list(self._all)

    def add(self, processing: T) -> None:
        """Add a processing that begins; one that is manual is not found by its message."""
        self._all[processing] = processing
        if processing.manual:
            return
        slot = id(processing.record)
        while self.by_message.setdefault(slot, processing) is not processing:
            slot += 1
        processing.slot = slot

    def remove(self, processing: T) -> bool:
        """Remove a processing that ends; return False if another thread, or another call, has removed it before."""
        if self._all.pop(processing, None) is None:
            return False
        if self.by_message.get(processing.slot) is processing:
            del self.by_message[processing.slot]
        return True

    def find(self, record: Any) -> T | None:
        """Return the processing of a message that is not manual, None without any."""
        processing = self.by_message.get(id(record))  # most of what is asked for is none
        if processing is None or processing.record is record:
            return processing
        for slot in range(id(record) + 1, id(record) + _SLOTS):
            processing = self.by_message.get(slot)
            if processing is None or processing.record is record:
                return processing
        return None

    def has_any(self, values: Iterable[Any]) -> bool:
        """Return whether `find` may find the processing of one of these, without a call for each."""
        return not self.by_message.keys().isdisjoint(map(id, values))

    def take_over(self, record: Any, current: T | None) -> T | None:
        """Return a processing of a message, manual from now on, the current one if it is of that; None without any."""
        with self._taking:
            found = (self.by_message.get(slot) for slot in range(id(record), id(record) + _SLOTS))
            for processing in (current, *found):
                if (
                    processing is not None
                    and processing.record is record
                    and not (processing.manual or processing.done)
                ):
                    processing.manual = True
                    return processing
        return None

    def clear(self) -> list[T]:
        """Remove every processing, in a forked child, and return them."""
        removed = self.all()
        self._all.clear()
        self.by_message.clear()
        self._taking = RLock()  # a thread that there is no more may hold it
        return removed
