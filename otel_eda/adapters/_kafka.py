"""What the Kafka clients share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core import Message, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def with_headers(headers: Any, added: Mapping[str, str]) -> list[tuple[str, bytes]] | None:
    """Return a copy of a list of header pairs with more headers at its end, or None if it is no list."""
    if headers is not None and not isinstance(headers, list):
        return None  # the client refuses it with its own error
    copy = [*(headers or ())]
    for name, value in added.items():  # a comprehension would be a call
        copy.append((name, value.encode()))
    return copy


def positions(offsets: Mapping[Any, Any]) -> dict[tuple[str, str], int]:
    """Return the offsets by topic and partition of a `{TopicPartition: OffsetAndMetadata}` that the client accepts."""
    given = ((at, getattr(item, "offset", None)) for at, item in dict(offsets).items() if hasattr(at, "partition"))
    return {(at.topic, str(at.partition)): offset for at, offset in given if isinstance(offset, int)}


def server(bootstrap: str | Sequence[str] | None) -> tuple[str | None, int | None]:
    """Return host and port of the first bootstrap server."""
    several = bootstrap if hasattr(bootstrap, "__iter__") else ()
    first = bootstrap.split(",")[0] if isinstance(bootstrap, str) else next(iter(several or ()), "")
    host, _, port = str(first).strip().rpartition("://")[2].rpartition(":")
    return (host.strip("[]") or None, int(port)) if port.isdigit() else (str(first) or None, None)


def outgoing(  # noqa: PLR0917  # called for each message: names would cost
    serializer: Callable[[Any], Any], producer: Any, topic: Any, value: Any, headers: Any, partition: Any, key: Any
) -> Message | None:
    """Return the message that a producer's call sends, or None for a call that the client will refuse.

    `serializer` returns what a producer makes of values, None if that is nothing.
    """
    if not isinstance(topic, str):
        return None
    # A serializer may turn None into a value: then only the answer shows whether the message is a tombstone.
    tombstone = value is None and serializer(producer) is None
    size = len(value) if isinstance(value, bytes) else None
    partition_id = None if partition is None else str(partition)
    return Message(topic, partition_id, headers=headers, tombstone=tombstone, key=key, size=size)


def max_poll_interval(milliseconds: Any, group: str | None) -> float | None:
    """Return the seconds after which a group removes a consumer that has not polled (KIP-62), or None."""
    return int(milliseconds) / 1000 if group and str(milliseconds).isdecimal() else None


def valid(number: int | None) -> int | None:
    """Return an offset or timestamp, or None for a negative number, which stands for none."""
    return number if number is not None and number >= 0 else None


def where_and_when(item: Any) -> tuple[int | None, int | None]:
    """Return the offset and the timestamp of a record or an answer, each None if it is not valid."""
    offset, stamp = item.offset, item.timestamp
    if offset is not None and stamp is not None and offset >= 0 and stamp >= 0:
        return offset, stamp
    return valid(offset), valid(stamp)


def read(item: Any) -> Message | None:
    """Return the message of a `ConsumerRecord` of a pure Python client, or None for any other object."""
    try:
        size, headers, key = item.serialized_value_size, item.headers, item.key
    except AttributeError:
        return None
    offset, stamp = where_and_when(item)
    return Message(item.topic, str(item.partition), offset, headers, stamp, size == -1, key=key, size=max(0, size))


def positions_of_states(states: Mapping[Any, Any]) -> list[Position]:
    """Return the positions of a `{TopicPartition: TopicPartitionState}`; their ends came with the last messages."""
    return [
        Position(at.topic, str(at.partition), getattr(state._position, "offset", state._position), state.highwater)
        for at, state in list(states.items())
    ]


def batches(polled: dict[Any, list[Any]], kept: Callable[[list[Any]], list[Any]]) -> dict[Any, list[Any]]:
    """Return the result of a poll with every list of messages replaced."""
    for partition, records in polled.items():
        polled[partition] = kept(records)
    return polled


def headless(version: Any) -> bool:
    """Return whether a version of a broker is of before 0.11, which brought headers (KIP-82)."""
    return isinstance(version, tuple) and version < (0, 11)
