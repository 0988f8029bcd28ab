"""What the clients of AMQP 0-9-1, and of RabbitMQ, share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from otel_eda import semconv
from otel_eda.core import Identity

_LARGEST = (1 << 63) - 1  # of what an attribute can be
_SERVER_NAMED = ("amq.gen-", "amq.rabbitmq.reply-to.")


@lru_cache(maxsize=1024)
def destination(exchange: str, routing_key: str, queue: str = "") -> str:
    """Give `{exchange}:{routing key}:{queue}`, without what is empty or said twice, as the conventions have it."""
    parts = (exchange, routing_key, queue if queue != routing_key else "")
    return ":".join(_common(part) for part in parts if part) or "amq.default"


def _common(name: str) -> str:
    # What a server names differs at each start, which spans' names and metrics can't do.
    return next((prefix[:-1] for prefix in _SERVER_NAMED if name.startswith(prefix)), name)


def identity(host: Any, port: Any, properties: Any) -> Identity:
    """Give who a connection is; a name is among the properties that it tells the broker."""
    name = (properties or {}).get("connection_name")
    return Identity(client_id=text(name), server_address=host, server_port=port)


def merged(headers: Any, more: Mapping[str, str], binary: type = bytes) -> dict[str, Any] | None:
    """Give a copy of a message's headers with more; None for what are no headers.

    `binary` is what the client takes for bytes.
    """
    if headers is not None and not isinstance(headers, Mapping):
        return None  # the client refuses it, and is to say so itself
    given = headers or {}
    # What is no text there, a client may refuse, and is to say so itself.
    odd = {name: given[name] for name in more if not isinstance(given.get(name, ""), (str, binary, type(None)))}
    return {**given, **more, **odd} if odd else {**given, **more}


def _value(headers: Any, name: str) -> Any:
    return headers.get(name) if type(headers) is dict or isinstance(headers, Mapping) else None


def attributes(routing_key: str, headers: Any) -> dict[str, Any]:
    """Give the attributes of RabbitMQ's own: the routing key, and how often and why the message was dead-lettered."""
    made: dict[str, Any] = {semconv.ROUTING_KEY: routing_key} if routing_key else {}
    deaths = _value(headers, "x-death")
    if deaths and isinstance(deaths, list):
        died = [death for death in deaths if isinstance(death, Mapping)]
        counts = [count for death in died if isinstance(count := death.get("count", 1), int) and count > 0]
        made[semconv.DEATHS] = min(sum(counts), _LARGEST)
        if died and isinstance(reason := died[0].get("reason"), str):
            made[semconv.DEATH_REASON] = reason
    return made


def deliveries(headers: Any) -> int | None:
    """Give how often a message was delivered before, as quorum queues count it."""
    count = _value(headers, "x-delivery-count")
    return count if isinstance(count, int) else None


def stamp(seconds: Any, headers: Any) -> int | None:
    """Give when a message was sent in milliseconds since 1970: as a broker's plug-in told, else as its sender did."""
    exact = _value(headers, "timestamp_in_ms")
    if not isinstance(exact, int):
        exact = seconds * 1000 if isinstance(seconds, int) else None
    return exact if exact is not None and 0 <= exact <= _LARGEST else None


def text(value: object) -> str | None:
    """Give a property that is a text, None for anything else."""
    return value if isinstance(value, str) and value else None
