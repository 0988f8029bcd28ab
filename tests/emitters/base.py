"""What a driver of an event emitter is: the library behind the few words that the contract of emitters speaks.

An event has a name and a value; a receiver is called with the value. A driver calls its library as an application
would, and nothing of the instrumentation.
"""

from __future__ import annotations

import asyncio
import enum
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Body = Callable[[Any], Any]


class Has(enum.Enum):
    """What an emitter may have or not."""

    MESSAGES = "messages, and all promises about sends, pulls and settlements"
    DISPATCH = "the dispatch of an event has a span"
    RESULTS = "the emitter gets the receivers' results"
    LISTING = "receivers can be listed and removed"
    WEAK = "a receiver ends when the application drops it"
    ONCE = "receivers that are called once only"
    ERRORS = "an event reports the errors of receivers"


class How(enum.Enum):
    """How receivers run."""

    CALL = "call"  # they are called, one after the other
    AWAIT = "await"  # they are awaited, one after the other
    TASK = "task"  # each gets a task
    THREAD = "thread"  # they are called in threads


QUEUED = {How.TASK, How.THREAD}


class Emitter(ABC):
    """One emitter; or one for each event, where an event is an emitter of its own."""

    native: Any

    @abstractmethod
    def on(self, event: str, receiver: Body) -> Any:
        """Register a receiver; gives what the library gives."""

    @abstractmethod
    async def emit(self, event: str, value: Any = None) -> Any:
        """Emit an event; returns what the library returns, when all receivers are done."""

    def off(self, event: str, receiver: Body) -> None:
        """Remove a receiver (`Has.LISTING`)."""
        raise NotImplementedError

    def receivers(self, event: str) -> list[Any]:
        """Give the receivers (`Has.LISTING`)."""
        raise NotImplementedError

    def once(self, event: str, receiver: Body) -> Any:
        """Register a receiver for one event (`Has.ONCE`)."""
        raise NotImplementedError

    def close(self) -> None:  # noqa: B027  # most hold nothing
        """Give up what it holds."""


class EmitterDriver(ABC):
    """A library, as the contract of emitters sees it."""

    name: ClassVar[str]  # in test ids
    library: ClassVar[str]  # the adapter's name
    verb: ClassVar[str]  # what it calls the emission of an event
    cannot: ClassVar[Mapping[Has, str]]  # what it has not, with the reason: the documentation shows them all
    hows: ClassVar[tuple[How, ...]]
    classes: ClassVar[tuple[type, ...]]  # that an application makes emitters of

    @abstractmethod
    def emitter(self, how: How) -> Emitter:
        """Make an emitter."""

    @abstractmethod
    def bad_calls(self) -> Mapping[str, Callable[[], object]]:
        """Give calls that the library refuses."""


def receiver(how: How, body: Body) -> Body:
    """Make a receiver of the kind that runs so."""

    def now(value: Any) -> Any:
        return body(value)

    async def later(value: Any) -> Any:
        await asyncio.sleep(0)
        return body(value)

    return now if how in {How.CALL, How.THREAD} else later
