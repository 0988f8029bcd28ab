"""What all libraries' messages and clients have in common."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from otel_eda import semconv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.trace import SpanContext
    from typing_extensions import Self


Headers: TypeAlias = "Iterable[tuple[Any, Any]] | Mapping[Any, Any] | None"
Attributes: TypeAlias = "dict[str, Any]"


class DestinationTemplate(str):
    """A destination whose name is made up at each start: the name with a placeholder where it differs.

    Names of spans and attributes of metrics have the template, so that there are few of them. `name` is the real one,
    None for several destinations of one template; `attributes` are those of a message's span, the name among them.
    """

    __slots__ = ("attributes", "name")

    name: str | None
    attributes: Attributes

    def __new__(cls, template: str, name: str | None, more: Mapping[str, Any] = MappingProxyType({})) -> Self:
        """Return one: equal to the template's text, and of its hash."""
        made = super().__new__(cls, template)
        made.name = name
        made.attributes = {semconv.DESTINATION: name, **more} if name else {**more}
        return made


@dataclass(slots=True)
class Message:
    """One message as an adapter reads it: it names what it has.

    `timestamp` is when the broker or producer stamped it, in milliseconds since 1970; `offset` is dense per partition;
    messages of one `key` are meant to be processed in order; `size` is the body's, in bytes; `queue` is where it was
    received from, if the destination says more than that.

    `delivery_tag` is what a channel settles it by, and `unsettled` says that it waits for that; `deliveries` counts the
    attempts before this one; `ready_count` is how many wait in its queue after it.

    `conversation` is also known as correlation id; `attributes` are the system's own; `record` is the object that an
    application would process it by, where that is not what it was handed, and `given` all that it was handed of it.

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
    queue: str | None = None
    given: Any = None


class Unsettled(NamedTuple):
    """What is remembered of a message until it is settled."""

    destination: str
    queue: str | None
    origin: SpanContext | None
    id: str | None
    conversation: str | None


@dataclass(frozen=True)
class Identity:
    """Which client this is: what an adapter knows without asking the broker.

    `callback` is called with the answers to sends that name no callback themselves; `...` if that is not known;
    `max_poll_interval` is how many seconds a group waits for its next poll; `peer` is the address and port of the
    broker's end of its connection.
    """

    client_id: str | None = None
    group: str | None = None
    server_address: str | None = None
    server_port: int | None = None
    callback: Any = None
    max_poll_interval: float | None = None
    peer: tuple[str, int] | None = None


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
