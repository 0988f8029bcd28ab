"""Messages, the identity of a client and the position of a consumer, in the form that all libraries share."""

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
    """One message as an adapter reads it; fields that the library does not have keep their defaults.

    `timestamp` is when the broker or the producer stamped the message, in milliseconds since 1970; `offset` is dense
    per partition; messages of one `key` are meant to be processed in order; `size` is the size of the body in bytes;
    `id`, `conversation` (also known as correlation id) and `tombstone` are those of the messaging conventions; `queue`
    is where it was received from, if the destination says more than that.

    `delivery_tag` is the number by which a channel settles the message, and `unsettled` says that the message waits for
    that; `deliveries` counts the attempts before this one; `ready_count` is the number of messages that wait in the
    queue behind this one.

    `attributes` are span attributes of the messaging system's own; `record` is the object by which an application would
    process the message by hand, where that is not the object that it was handed; `given` is all that it was handed of
    the message, where that is not the object.

    A batch that is sent is a message, too: it stands for `batch_count` messages, whose span contexts are the `origins`.

    `sequence` is the message's number among those of its `sender`; `shared` says that the sender numbers messages
    across several receivers, of which each message goes to one; `again` that a loop over the same batch had it before.
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
    again: bool = False
    ready_count: int | None = None
    queue: str | None = None
    given: Any = None


class Unsettled(NamedTuple):
    """The fields of a message that are remembered until the message is settled."""

    destination: str
    queue: str | None
    origin: SpanContext | None
    id: str | None
    conversation: str | None


@dataclass(frozen=True)
class Identity:
    """Who a client is, as far as an adapter knows without asking the broker.

    `callback` is called with the outcome of sends that name no callback themselves, or `...` if the client's callback
    is not known; `max_poll_interval` is the time in seconds after which the group removes a consumer that has not
    polled; `peer` is the address and port of the broker's end of the connection; `virtual_host` is the part of
    the broker within which the names of queues are unique.
    """

    client_id: str | None = None
    group: str | None = None
    server_address: str | None = None
    server_port: int | None = None
    callback: Any = None
    max_poll_interval: float | None = None
    peer: tuple[str, int] | None = None
    virtual_host: str | None = None

    def __post_init__(self) -> None:
        """Leave out what is no text, and no port: an application may have given anything, such as a mock."""
        for name in ("client_id", "group", "server_address", "virtual_host"):
            object.__setattr__(self, name, _text(getattr(self, name)))
        if not isinstance(self.server_port, int):
            object.__setattr__(self, "server_port", None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else None


class Position(NamedTuple):
    """A consumer's progress on one partition.

    `offset` is the offset that the consumer is handed next, `end` the offset that will be written next, `start` the
    first offset that the broker still has, `committed` the offset that the consumer has committed; each is None where
    it is not known.
    """

    destination: str
    partition: str
    offset: int | None
    end: int | None
    start: int | None = None
    committed: int | None = None

    @property
    def lag(self) -> int | None:
        """The number of offsets between the consumer and the end of the partition, or None if either is not known."""
        return None if self.offset is None or self.end is None else max(self.end - self.offset, 0)
