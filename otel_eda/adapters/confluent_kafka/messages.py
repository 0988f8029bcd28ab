"""What the clients share: their configuration, their messages, their positions."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

from otel_eda.adapters._kafka import max_poll_interval, server
from otel_eda.core import Identity, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

POLL_LIMIT = 300_000  # milliseconds, the library's own default
Positions = dict[tuple[str, str], int]


def setting(name: str, given: Any = None, /, *_: Any, **more: Any) -> Any:
    """Read one setting from what a client is made with."""
    return more.get(name, given.get(name) if isinstance(given, dict) else None)


def configured(*args: Any, **kwargs: Any) -> Identity:
    """Read the configuration that a client is made with: it keeps none that can be read."""
    names = ("client.id", "group.id", "bootstrap.servers", "metadata.broker.list", "on_delivery")
    client, group, servers, brokers, callback = (setting(name, *args, **kwargs) for name in names)
    limit = max_poll_interval(setting("max.poll.interval.ms", *args, **kwargs) or POLL_LIMIT, group)
    return Identity(client or "rdkafka", group, *server(servers or brokers), callback, limit)


def unconfigured(client: Any) -> Identity:
    """Tell what can be known of a client that was made before: not its configuration.

    The garbage collector sees the callbacks in it, if there are any, but not which is which.
    """
    return Identity(callback=... if any(map(callable, gc.get_referents(client))) else None)


_natives: set[type] = set()


def _native(kind: type) -> bool:
    if kind.__name__ != "Message" or not kind.__module__.endswith("cimpl"):
        return False
    _natives.add(kind)
    return True


def read(item: Any) -> Message | None:
    """Read a message, but none that stands for an error or the end of a partition."""
    if (type(item) not in _natives and not _native(type(item))) or item.error() is not None:
        return None
    (stamped, stamp), offset, value = item.timestamp(), item.offset(), item.value()
    return Message(
        item.topic(),
        str(item.partition()),
        offset if offset is not None and offset >= 0 else None,
        item.headers(),
        stamp if stamped else None,
        value is None,
        key=item.key(),
        size=len(value) if isinstance(value, bytes) else None,
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


def code(error: BaseException) -> str | None:
    """Return the code of an error: all that the library raises is of one class."""
    module = sys.modules.get("confluent_kafka")
    inner = error.args[0] if module is not None and isinstance(error, module.KafkaException) and error.args else None
    return inner.name() if module is not None and isinstance(inner, module.KafkaError) else None


def failure(error: Any) -> BaseException:
    """Make an exception of a `KafkaError`, the one that the library would raise."""
    made: BaseException = sys.modules["confluent_kafka"].KafkaException(error)
    return made
