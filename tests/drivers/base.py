"""What a driver is: a library's clients behind the few words the contract suite speaks.

A driver calls its library as an application would, and nothing of the instrumentation. It says what its library can
(`Can`), in which shapes a consumer hands messages over (`Shape`), and what the operations are called (`Verbs`). A
test is generated for the drivers that can what it needs.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry import context
from support.eventloop import EventLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence

    Pairs = Sequence[tuple[str, bytes | None]]
    Body = Callable[["Received"], object]
    Hook = Callable[[], object]
    BadCall = Callable[["Producer", "Consumer"], object]

PATIENCE = 30.0  # seconds a consumer waits for a message that is there


class Can(enum.Enum):
    """What a library may offer or not."""

    CONTEXT = "context travels with what a producer sends"
    HEADERS = "messages carry headers"
    REPEATED_HEADERS = "a message has several headers of one name"
    ORDER = "the headers of a message keep their order"
    NULL_HEADERS = "another library has sent a header whose value is null"
    KEYS = "messages have keys"
    TOMBSTONES = "a message has no value"
    ACKS = "the broker's answer to a send is reported"
    NO_ACKS = "a producer does not wait for the broker's answer"
    HOLD = "a producer holds messages back until it is flushed"
    PARTITIONS = "a send names its partition"
    REFUSALS = "the broker refuses some messages"
    ABANDON = "a producer is closed while sends are unanswered"
    GROUPS = "consumers form groups"
    ALONE = "a consumer is in no group"
    SETTLE = "consumers settle messages"
    SETTLE_LATER = "consumers settle without waiting for the answer"
    SEVERAL = "one consumer reads several destinations"
    REWIND = "a consumer starts over"
    TIMES = "messages carry the time of their send in milliseconds"
    HOOKS = "the library calls the application's code during a send and a pull"


class Shape(enum.Enum):
    """How a consumer hands messages over."""

    LOOP = "loop"  # `for message in consumer`
    ASYNC = "async"  # `async for message in consumer`, which an asynchronous library has in place of it
    PULL = "pull"  # a call gives one message
    BATCH = "batch"  # a call gives several, to be iterated
    CALLBACK = "callback"  # the library calls a function of the application's


class By(enum.Enum):
    """How a call passes its arguments."""

    POSITION = "position"
    NAME = "name"
    HABIT = "habit"  # as most applications write it


@dataclass(frozen=True)
class Verbs:
    """What the library calls the operations: `messaging.operation.name`; `pull` if another one gives one message."""

    send: str
    receive: str
    settle: str
    process: str = "process"
    pull: str | None = None

    def receives(self, shape: Shape) -> str:
        """Give what a consumer's own operation is called where it hands messages over in that shape."""
        return self.pull or self.receive if shape in {Shape.PULL, Shape.ASYNC} else self.receive


@dataclass(frozen=True)
class Message:
    """What a test sends; `headers` are of the library's own type, see `Driver.headers`."""

    value: bytes | None = b"body"
    key: bytes | None = None
    headers: Any = None
    partition: int | None = None


@dataclass(frozen=True)
class Received:
    """A message a consumer gave: the library's object, and what is in it."""

    native: Any
    destination: str
    value: bytes | None
    key: bytes | None
    headers: Pairs
    partition: int | None
    offset: int | None

    def header(self, name: str) -> list[bytes | None]:
        """Give the values of the headers of that name."""
        return [value for key, value in self.headers if key == name]


@dataclass(frozen=True)
class Receipt:
    """The broker's answer to a send."""

    native: Any
    partition: int | None
    offset: int | None


@dataclass(frozen=True)
class Sending:
    """How a producer is to be."""

    acks: bool = True
    hold: bool = False
    impatient: bool = False  # gives a send up after a second or two
    hook: Hook | None = None  # called during each send
    client: str | None = None


@dataclass(frozen=True)
class Reading:
    """How a consumer is to be."""

    group: str | None = None  # of no meaning where there are none
    hook: Hook | None = None  # called during each pull that has a message
    client: str | None = None
    patience: float = PATIENCE


class Pending(ABC):
    """A send the library has taken."""

    native: Any

    @abstractmethod
    def wait(self) -> Receipt:
        """Wait for the answer; raises what the library reports."""


class Producer(ABC):
    """A client that sends to one destination."""

    native: Any

    @abstractmethod
    def send(self, message: Message, by: By = By.HABIT) -> Pending:
        """Hand a message to the library."""

    @abstractmethod
    def flush(self) -> None:
        """Have everything sent."""

    @abstractmethod
    def close(self) -> None:
        """Close it in good order; more than once is once."""

    def abandon(self) -> None:
        """Close it without waiting for answers (`Can.ABANDON`)."""
        raise NotImplementedError


class Consumer(ABC):
    """A client that reads from one or more destinations, each from its beginning."""

    native: Any

    @abstractmethod
    def read(self, native: Any) -> Received:
        """Say what is in the library's message."""

    @abstractmethod
    def close(self) -> None:
        """Close it in good order; more than once is once."""

    def loop(self) -> Iterable[Any]:
        """Give what a `for` runs over (`Shape.LOOP`)."""
        raise NotImplementedError

    def pull(self) -> Any:
        """Give one message (`Shape.PULL`)."""
        raise NotImplementedError

    def poll(self, timeout: float) -> Any:
        """Give what one pull of several messages returned (`Shape.BATCH`)."""
        raise NotImplementedError

    def lists(self, result: Any) -> list[Sequence[Any]]:
        """Give the iterables in what `poll` returned, in its order."""
        raise NotImplementedError

    def settle(self) -> None:
        """Settle what was consumed, and wait for the answer (`Can.SETTLE`)."""
        raise NotImplementedError

    def settle_later(self) -> None:
        """Settle what was consumed; return when the answer has come (`Can.SETTLE_LATER`)."""
        raise NotImplementedError

    def rewind(self) -> None:
        """Start over (`Can.REWIND`)."""
        raise NotImplementedError

    def consume(self, shape: Shape, body: Body, count: int = 1) -> None:
        """Have that many messages go through the body, in that shape; raises what the body raises."""
        ways = {
            Shape.LOOP: self._loop,
            Shape.ASYNC: self._async,
            Shape.PULL: self._pull,
            Shape.BATCH: self._batch,
            Shape.CALLBACK: self._callback,
        }
        ways[shape](body, count)

    def _loop(self, body: Body, count: int) -> None:
        for native in self.loop():
            body(self.read(native))
            count -= 1
            if not count:
                break
        if count:
            raise TimeoutError(f"{count} more messages were to come")

    def _pull(self, body: Body, count: int) -> None:
        for _ in range(count):
            body(self.read(self.pull()))

    def _batch(self, body: Body, count: int) -> None:
        while count:
            for batch in self.lists(self.some()):
                for native in batch:
                    body(self.read(native))
                    count -= 1
                    if not count:
                        return

    def _async(self, body: Body, count: int) -> None:
        raise NotImplementedError

    def _callback(self, body: Body, count: int) -> None:
        raise NotImplementedError

    def some(self) -> Any:
        """Give what the first pull that is not empty returned."""
        result = self.poll(PATIENCE)
        if not self.lists(result):
            raise TimeoutError("a message was to come")
        return result

    def batch(self, size: int) -> Sequence[Any]:
        """Give the one iterable of a pull, which is to have that many messages."""
        [batch] = self.lists(self.some())
        assert len(batch) == size, f"{len(batch)} messages came at once, not {size}"
        return batch


class AsyncConsumer(Consumer):
    """A consumer whose calls are awaited: in its event loop, where a body is called by the task that consumes."""

    def __init__(self) -> None:
        self.events = EventLoop()

    async def start(self) -> None:
        """Do what is to be done before the first message can be had; more than once is once."""

    @abstractmethod
    def iterator(self) -> AsyncIterable[Any]:
        """Give what an `async for` runs over."""

    async def one(self) -> Any:
        """Give one message (`Shape.PULL`)."""
        raise NotImplementedError

    async def several(self, timeout: float) -> Any:
        """Give what one pull of several messages returned (`Shape.BATCH`)."""
        raise NotImplementedError

    def pull(self) -> Any:
        return self.events.run(self.one())

    def poll(self, timeout: float) -> Any:
        return self.events.run(self.several(timeout))

    def _async(self, body: Body, count: int) -> None:
        async def consume(count: int) -> None:
            await self.start()
            async for native in self.iterator():
                body(self.read(native))
                count -= 1
                if not count:
                    return
            raise TimeoutError(f"{count} more messages were to come")

        async def check() -> None:
            before = context.get_current()
            try:
                await consume(count)
            finally:
                assert context.get_current() == before, f"the context is {context.get_current()}, not {before}"

        self.events.visit(check())

    def _pull(self, body: Body, count: int) -> None:
        async def consume() -> None:
            for _ in range(count):
                body(self.read(await self.one()))

        self.events.visit(consume())


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

    @abstractmethod
    def producer(self, address: str, destination: str, how: Sending) -> Producer:
        """Make a producer."""

    @abstractmethod
    def consumer(self, address: str, destinations: tuple[str, ...], how: Reading) -> Consumer:
        """Make a consumer."""

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
