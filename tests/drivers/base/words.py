"""The words that the contract suite speaks: what a library can, in which shapes it gives messages, and messages."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Pairs = Sequence[tuple[str, bytes | None]]
Hook = Callable[[], object]
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
