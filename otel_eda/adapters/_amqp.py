"""What the clients of AMQP 0-9-1, and of RabbitMQ, share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_eda import semconv
from otel_eda.core import Identity

DECLARED = ("passive", "arguments")
"""The arguments of a queue's declaration that `dead_letters` reads."""

_LARGEST = (1 << 63) - 1  # integer of an attribute: OTLP has 64 bits


def identity(host: Any, port: Any, properties: Any, peer: Any, virtual_host: Any) -> Identity:
    """Return the identity of a connection; its name is among the properties that it gives the broker.

    `peer` is the other end's socket address, None if it is not known.
    """
    name = (properties or {}).get("connection_name")
    known = isinstance(peer, tuple) and isinstance(peer[0], str)
    return Identity(text(name), None, host, port, peer=peer[:2] if known else None, virtual_host=virtual_host)


def merged_headers(headers: Any, added: Mapping[str, str], binary: type = bytes) -> dict[str, Any] | None:
    """Return a copy of a message's headers with more headers, or None if they are no headers.

    `binary` is the type that the client takes for bytes.
    """
    if headers is not None and not isinstance(headers, Mapping):
        return None  # the client refuses it with its own error
    own = headers or {}
    # A value that is no text may be refused by the client, with its own error: so it stays.
    refused = {name: own[name] for name in added if not isinstance(own.get(name, ""), (str, binary, type(None)))}
    return {**own, **added, **refused} if refused else {**own, **added}


def _value(headers: Any, name: str) -> Any:
    return headers.get(name) if type(headers) is dict or isinstance(headers, Mapping) else None


_BROKERS_NAMES = frozenset({"x-death", "x-delivery-count", "timestamp_in_ms"})


def of_broker(headers: Any) -> Any:
    """Return headers among which are some that a broker adds, as the functions below read them, or else None."""
    return None if type(headers) is dict and _BROKERS_NAMES.isdisjoint(headers) else headers


def attributes(routing_key: str, headers: Any, auto_ack: bool = False) -> dict[str, Any]:
    """Return RabbitMQ's own attributes: the routing key, and how often and why a message was dead-lettered.

    With `auto_ack` the broker took it for done when it sent it. `x-death`: https://www.rabbitmq.com/docs/dlx#effects.
    """
    values: dict[str, Any] = {semconv.ROUTING_KEY: routing_key} if routing_key else {}
    if auto_ack:
        values[semconv.AUTO_ACK] = True
    deaths = _value(headers, "x-death") if headers else None
    if deaths and isinstance(deaths, list):
        entries = [death for death in deaths if isinstance(death, Mapping)]
        counts = [count for death in entries if isinstance(count := death.get("count", 1), int) and count > 0]
        values[semconv.DEATHS] = min(sum(counts), _LARGEST)
        if entries and isinstance(reason := entries[0].get("reason"), str):
            values[semconv.DEATH_REASON] = reason
    return values


def dead_letters(passive: Any, arguments: Any) -> bool | None:
    """Return whether a queue is declared with a dead-letter exchange; None for a declaration that does not say it.

    The broker refuses a declaration that differs from the queue: https://www.rabbitmq.com/docs/queues#property-equivalence.
    """
    if passive or not isinstance(arguments, (Mapping, type(None))):
        return None
    return _value(arguments, "x-dead-letter-exchange") is not None


def delivery_count(headers: Any) -> int | None:
    """Return how often a message was delivered before, by the header `x-delivery-count` of quorum queues, or None."""
    count = _value(headers, "x-delivery-count")
    return count if isinstance(count, int) else None


def timestamp(seconds: Any, headers: Any) -> int | None:
    """Return the time of a message in milliseconds since 1970, or None.

    A plug-in of RabbitMQ stamps messages in the header `timestamp_in_ms`; else it is the property of AMQP 0-9-1, which
    has whole seconds.
    """
    exact = _value(headers, "timestamp_in_ms") if headers else None
    if not isinstance(exact, int):
        exact = seconds * 1000 if isinstance(seconds, int) else None
    return exact if exact is not None and 0 <= exact <= _LARGEST else None


def text(value: object) -> str | None:
    """Return a property that is a text and not empty, or None for any other."""
    return value if isinstance(value, str) and value else None
