"""What all libraries' messages and clients have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.trace import SpanContext


Headers: TypeAlias = "Iterable[tuple[Any, Any]] | Mapping[Any, Any] | None"


@dataclass(slots=True)
class Message:
    """One message as an adapter reads it: it names what it has.

    `timestamp` is when the broker or producer stamped it, in milliseconds since 1970; `offset` is dense per partition;
    messages of one `key` are meant to be processed in order; `size` is the body's, in bytes.

    `delivery_tag` is what a channel settles it by, and `unsettled` says that it waits for that; `deliveries` counts the
    attempts before this one; `ready_count` is how many wait in its queue after it.

    `conversation` is also known as correlation id; `attributes` are the system's own; `record` is the object that an
    application would process it by, where that is not what it was handed.

    A batch that is sent is a message, too: `batch_count` messages with contexts of their own, the `origins`.

    `sequence` is its number among those of its `sender`, which has `shared` them out if each goes to one of several
    receivers.
    """

    destination: str
    partition: str | None = None
    offset: int | None = None
    headers: Headers = None
    timestamp: int | None = None
    tombstone: bool = False
    id: str | None = None
    conversation: str | None = None
    delivery_tag: int | None = None
    unsettled: bool = False
    redelivered: bool = False
    deliveries: int | None = None
    attributes: Mapping[str, Any] | None = None
    record: Any = None
    key: Any = None
    size: int | None = None
    batch_count: int = 1
    origins: Sequence[SpanContext] = ()
    sender: str | None = None
    sequence: int | None = None
    shared: bool = False
    ready_count: int | None = None


class Unsettled(NamedTuple):
    """What is remembered of a message until it is settled."""

    destination: str
    origin: SpanContext | None
    id: str | None
    conversation: str | None


@dataclass(frozen=True)
class Identity:
    """Which client this is: what an adapter knows without asking the broker.

    `callback` is called with the answers to sends that name no callback themselves; `...` if that is not known;
    `max_poll_interval` is how many seconds a group waits for its next poll.
    """

    client_id: str | None = None
    group: str | None = None
    server_address: str | None = None
    server_port: int | None = None
    callback: Any = None
    max_poll_interval: float | None = None

    def __post_init__(self) -> None:
        """Leave out what is no text, and no port: an application may have given anything, such as a mock."""
        for name in ("client_id", "group", "server_address"):
            object.__setattr__(self, name, _text(getattr(self, name)))
        if not isinstance(self.server_port, int):
            object.__setattr__(self, "server_port", None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else None


class Position(NamedTuple):
    """How far a consumer is with a partition: the offset it is to be handed next, and the next to be written.

    `start` is the first that the broker still has.
    """

    destination: str
    partition: str
    offset: int | None
    end: int | None
    start: int | None = None

    @property
    def lag(self) -> int | None:
        """How many offsets are still to come; None if either is not known."""
        return None if self.offset is None or self.end is None else max(self.end - self.offset, 0)


Attributes: TypeAlias = "dict[str, Any]"
