"""What the Kafka clients share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core import Message, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def put(headers: Any, more: Mapping[str, str]) -> list[tuple[str, bytes]] | None:
    """Give a copy of a list of header pairs with more at its end; None for anything that is no list."""
    if headers is not None and not isinstance(headers, list):
        return None  # the client refuses it, and is to say so itself
    return [*(headers or ()), *((name, value.encode()) for name, value in more.items())]


def positions(offsets: Mapping[Any, Any]) -> dict[tuple[str, str], int]:
    """Read `{TopicPartition: OffsetAndMetadata}`, but for what the client will refuse."""
    given = ((at, getattr(item, "offset", None)) for at, item in dict(offsets).items() if hasattr(at, "partition"))
    return {(at.topic, str(at.partition)): offset for at, offset in given if isinstance(offset, int)}


def server(bootstrap: str | Sequence[str] | None) -> tuple[str | None, int | None]:
    """Give host and port of the first bootstrap server."""
    several = bootstrap if hasattr(bootstrap, "__iter__") else ()
    first = bootstrap.split(",")[0] if isinstance(bootstrap, str) else next(iter(several or ()), "")
    host, _, port = str(first).strip().rpartition("://")[2].rpartition(":")
    return (host.strip("[]") or None, int(port)) if port.isdigit() else (str(first) or None, None)


def outgoing(topic: Any, value: Any, headers: Any, partition: Any, key: Any, *, serializer: Any) -> Message | None:
    """Read what is to be sent, None for a call that the client will refuse."""
    if not isinstance(topic, str):
        return None
    # A serialiser may make something of None: then only the answer tells.
    tombstone = value is None and serializer is None
    size = len(value) if isinstance(value, bytes) else None
    chosen = None if partition is None else str(partition)
    return Message(topic, chosen, headers=headers, tombstone=tombstone, key=key, size=size)


def max_poll_interval(milliseconds: Any, group: str | None) -> float | None:
    """Give after how many seconds a group throws out who does not poll."""
    return int(milliseconds) / 1000 if group and str(milliseconds).isdecimal() else None


def known(number: int | None) -> int | None:
    """Give an offset or timestamp, None for what stands for none."""
    return number if number is not None and number >= 0 else None


def read(item: Any) -> Message | None:
    """Read a `ConsumerRecord` as the pure Python clients make them."""
    try:
        size, headers, key = item.serialized_value_size, item.headers, item.key
    except AttributeError:
        return None
    offset, stamp, partition = known(item.offset), known(item.timestamp), str(item.partition)
    return Message(item.topic, partition, offset, headers, stamp, size == -1, key=key, size=max(0, size))


def confirmed(item: Any) -> Message:
    """Read a sent message's `RecordMetadata`."""
    tombstone = item.serialized_value_size == -1
    return Message(item.topic, str(item.partition), known(item.offset), None, known(item.timestamp), tombstone)


def unconfirmed(item: Any) -> Message:
    """Read what stands in for an answer where none is asked for: it has no offset, whatever is written there."""
    message = confirmed(item)
    message.offset = None
    return message


def standing(states: Mapping[Any, Any]) -> list[Position]:
    """Read `{TopicPartition: TopicPartitionState}`; the end of a partition came with its last messages."""
    return [
        Position(at.topic, str(at.partition), getattr(state._position, "offset", state._position), state.highwater)
        for at, state in list(states.items())
    ]


def batches(polled: dict[Any, list[Any]], keep: Callable[[list[Any]], list[Any]]) -> dict[Any, list[Any]]:
    """Replace every list of a poll's result."""
    for partition, records in polled.items():
        polled[partition] = keep(records)
    return polled


def headless(version: Any) -> bool:
    """Tell whether a client takes its broker for one that knows no headers, which came with 0.11 (KIP-82)."""
    return isinstance(version, tuple) and version < (0, 11)


def report(future: Any, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> None:
    """Have a future's outcome reported."""
    future.add_callback(done)
    future.add_errback(failed)
