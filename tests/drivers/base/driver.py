"""A library, as the contract suite sees it."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from drivers.base.clients import Consumer, Producer
from drivers.base.words import Can, Sending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivers.base.words import Message, Pairs, Reading, Shape, Verbs

BadCall = Callable[[Producer, Consumer], object]


class Driver(ABC):
    """A library, as the contract suite sees it."""

    name: ClassVar[str]  # in test ids
    absent: ClassVar[str | None] = None  # why the installed version of the library has not what it drives
    library: ClassVar[str]  # the adapter's name
    module: ClassVar[str]  # what an application imports
    system: ClassVar[str]  # messaging.system
    broker: ClassVar[str]  # the fixture of the broker all tests share; it has an `address`
    private: ClassVar[str]  # the fixture of a broker that a test may stop
    destinations: ClassVar[str]  # the fixture that makes destinations
    cannot: ClassVar[Mapping[Can | Shape, str]]  # what it has not, with the reason: the documentation shows them all
    producers: ClassVar[type[Producer]]
    consumers: ClassVar[type[Consumer]]
    shapes: ClassVar[tuple[Shape, ...]]
    verbs: ClassVar[Verbs]
    known: ClassVar[frozenset[str]]  # the recommended attributes whose values the client knows for one message
    own: ClassVar[Mapping[str, frozenset[str]]] = {}  # … and those of its system, by the type of the operation
    longest: ClassVar[int] = 1 << 21  # bytes in a header's value
    cloudevents: ClassVar[str]  # how the CloudEvents extension `traceparent` is spelled as a header
    batch_type: ClassVar[type]  # of what `Consumer.poll` gives
    classes: ClassVar[tuple[type, ...]]  # that an application makes clients of
    sender: ClassVar[tuple[type, str]]  # the class and the name of the method that sends
    settings: ClassVar[Mapping[str, str]] = {}  # the variables with which the suite instruments it

    @property
    def can(self) -> frozenset[Can]:
        """Give what the library can: all that `cannot` does not name."""
        return frozenset(set(Can) - self.cannot.keys())

    def producer(self, address: str, destination: str, how: Sending) -> Producer:
        """Make a producer."""
        return self.producers(address, destination, how)

    def consumer(self, address: str, destinations: tuple[str, ...], how: Reading) -> Consumer:
        """Make a consumer."""
        return self.consumers(address, destinations, how)

    def courier(self, address: str, destination: str) -> Producer:
        """Make a producer whose messages bring context, if it is another one of the library's."""
        return self.producer(address, destination, Sending())

    def server(self, address: str, destination: str) -> str:  # noqa: ARG002  # without a broker it is the destination's
        """Give the address that spans are to name."""
        return address

    def headers(self, pairs: Pairs) -> Any:
        """Give headers of the library's own type."""
        raise NotImplementedError

    def hostile(self) -> Mapping[str, Any]:
        """Give headers an application should not pass, whether the library takes them or not."""
        return {}

    def refused(self) -> Message:
        """Give a message the broker will refuse."""
        raise NotImplementedError

    def foreign(self, address: str, destination: str, message: Message) -> None:
        """Send by another library, which is not instrumented; `headers` are pairs, values may be None."""
        raise NotImplementedError

    def bad_calls(self, destination: str) -> Mapping[str, BadCall]:
        """Give calls that the library refuses."""
        raise NotImplementedError

    def bad_settle(self, address: str, destination: str) -> tuple[Consumer, Callable[[], object]]:
        """Give a consumer and a call that fails to settle."""
        raise NotImplementedError
