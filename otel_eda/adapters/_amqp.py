"""What the clients of AMQP 0-9-1, and of RabbitMQ, share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from otel_eda import semconv
from otel_eda.core import DestinationTemplate, Identity

_LARGEST = (1 << 63) - 1  # of what an attribute can be
_REPLY_TO = "amq.rabbitmq.reply-to"
_ID = "{id}"
# Queues that RabbitMQ names, the answers to requests among them, and those that Spring's clients name.
_NAMED = re.compile(rf"(amq\.gen-|{re.escape(_REPLY_TO)}\.|spring\.gen-).+")
_UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(-?)(?:[0-9a-f]{4}\1){3}[0-9a-f]{12}(?![0-9a-f])", re.IGNORECASE)
# What has no other name than that: aio-pika's queues without a name, and those of Celery's answers.
_ANONYMOUS = {_REPLY_TO, *(f"{prefix}{_ID}" for prefix in ("amq.gen-", f"{_REPLY_TO}.", "spring.gen-", "amq_", ""))}


@lru_cache(maxsize=1024)
def destination(exchange: str, routing_key: str, queue: str = "") -> str:
    """Give `{exchange}:{routing key}:{queue}`, without what is empty or said twice, as the conventions have it.

    A name that is made up at each start gives a template.
    """
    # Answers by the direct reply-to have no queue; who waits for them names this one.
    said = queue == routing_key or (queue == _REPLY_TO and routing_key.startswith(f"{_REPLY_TO}."))
    parts = [part for part in (exchange, routing_key, "" if said else queue) if part]
    name, template = ":".join(parts) or "amq.default", ":".join(map(_template, parts))
    if template in {"", name}:
        return name
    anonymous = _template(queue or ("" if exchange else routing_key)) in _ANONYMOUS
    return DestinationTemplate(template, name, {semconv.ANONYMOUS: True, semconv.TEMPORARY: True} if anonymous else {})


def _template(name: str) -> str:
    return _UUID.sub(_ID, _NAMED.sub(rf"\1{_ID}", name))


def identity(host: Any, port: Any, properties: Any, peer: Any) -> Identity:
    """Return who a connection is; a name is among the properties that it tells the broker.

    `peer` is the other end's socket address, None if it is not known.
    """
    name = (properties or {}).get("connection_name")
    known = isinstance(peer, tuple) and isinstance(peer[0], str)
    return Identity(text(name), None, host, port, peer=peer[:2] if known else None)


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
