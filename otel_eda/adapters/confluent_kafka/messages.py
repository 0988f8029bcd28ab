"""What the clients share: their configuration, their messages, their positions."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

from otel_eda.adapters._kafka import server
from otel_eda.core import Identity, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Positions = dict[tuple[str, str], int]


def configured(given: Mapping[str, Any] | None = None, /, *_: Any, **more: Any) -> Identity:
    """Read the configuration that a client is made with: it keeps none that can be read."""

    def setting(*names: str) -> Any:
        return next((found[name] for found in (more, given or {}) for name in names if name in found), None)

    return Identity(
        setting("client.id") or "rdkafka",
        setting("group.id"),
        *server(setting("bootstrap.servers", "metadata.broker.list")),
        setting("on_delivery"),
    )


def unconfigured(client: Any) -> Identity:
    """Tell what can be known of a client that was made before: not its configuration.

    The garbage collector sees the callbacks in it, if there are any, but not which is which.
    """
    return Identity(callback=... if any(map(callable, gc.get_referents(client))) else None)


def read(item: Any) -> Message | None:
    """Read a message, but none that stands for an error or the end of a partition."""
    kind = type(item)
    if kind.__name__ != "Message" or not kind.__module__.endswith("cimpl") or item.error() is not None:
        return None
    (stamped, stamp), offset = item.timestamp(), item.offset()
    return Message(
        item.topic(),
        str(item.partition()),
        offset if offset is not None and offset >= 0 else None,
        item.headers(),
        stamp if stamped else None,
        item.value() is None,
        key=item.key(),
    )


def positions(partitions: Iterable[Any]) -> Positions:
    """Read `[TopicPartition]`; a negative offset stands for none."""
    return {(one.topic, str(one.partition)): one.offset for one in partitions if one.offset >= 0}


def after(item: Any) -> Positions:
    """Give the position after a message."""
    message = read(item)
    return (
        {(message.destination, str(message.partition)): message.offset + 1}
        if message and message.offset is not None
        else {}
    )


def failure(error: Any) -> BaseException:
    """Make an exception of a `KafkaError`, the one that the library would raise."""
    made: BaseException = sys.modules["confluent_kafka"].KafkaException(error)
    return made
