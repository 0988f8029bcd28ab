"""What the clients of confluent-kafka share: their configuration, their messages, their positions."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

from otel_eda.adapters._kafka import max_poll_interval, server
from otel_eda.core import Identity, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_MAX_POLL_INTERVAL_MS = 300_000  # librdkafka's
Positions = dict[tuple[str, str], int]


def setting(name: str, config: Any = None, /, *_: Any, **kwargs: Any) -> Any:
    """Return one setting from the arguments of a client's constructor."""
    return kwargs.get(name, config.get(name) if isinstance(config, dict) else None)


def configured(*args: Any, **kwargs: Any) -> Identity:
    """Return the identity in a constructor's arguments: a client keeps no configuration that can be read."""
    names = ("client.id", "group.id", "bootstrap.servers", "metadata.broker.list", "on_delivery")
    client, group, servers, brokers, callback = (setting(name, *args, **kwargs) for name in names)
    limit = max_poll_interval(setting("max.poll.interval.ms", *args, **kwargs) or DEFAULT_MAX_POLL_INTERVAL_MS, group)
    return Identity(client or "rdkafka", group, *server(servers or brokers), callback, limit)


def unconfigured(client: Any) -> Identity:
    """Return what can be known of a client that was constructed before: not its configuration.

    The garbage collector sees the callbacks in it, if there are any, but not which is which.
    """
    return Identity(callback=... if any(map(callable, gc.get_referents(client))) else None)


_native_types: set[type] = set()


def _is_native(kind: type) -> bool:
    if kind.__name__ != "Message" or not kind.__module__.endswith("cimpl"):
        return False
    _native_types.add(kind)
    return True


def read(item: Any) -> Message | None:
    """Return the message of a `Message`, or None for one that stands for an error or for the end of a partition."""
    if (type(item) not in _native_types and not _is_native(type(item))) or item.error() is not None:
        return None
    (has_timestamp, timestamp), offset, value = item.timestamp(), item.offset(), item.value()
    return Message(
        item.topic(),
        str(item.partition()),
        offset if offset is not None and offset >= 0 else None,
        item.headers(),
        timestamp if has_timestamp else None,
        value is None,
        key=item.key(),
        size=len(value) if isinstance(value, bytes) else None,
    )


def positions(partitions: Iterable[Any]) -> Positions:
    """Return the offsets by topic and partition of a `[TopicPartition]`; negative offsets stand for none."""
    return {
        (partition.topic, str(partition.partition)): partition.offset
        for partition in partitions
        if partition.offset >= 0
    }


def offset_after(item: Any) -> Positions:
    """Return the offset after a message, by topic and partition."""
    message = read(item)
    return (
        {(message.destination, str(message.partition)): message.offset + 1}
        if message and message.offset is not None
        else {}
    )


def code(error: BaseException) -> str | None:
    """Return the code of an error: all that the library raises is of one class."""
    module = sys.modules.get("confluent_kafka")
    inner = error.args[0] if module is not None and isinstance(error, module.KafkaException) and error.args else None
    return inner.name() if module is not None and isinstance(inner, module.KafkaError) else None


def failure(error: Any) -> BaseException:
    """Return the exception for a `KafkaError`, as the library would raise it."""
    exception: BaseException = sys.modules["confluent_kafka"].KafkaException(error)
    return exception
