"""Names of RabbitMQ's destinations."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.adapters._amqp import attributes
from otel_eda.core import DestinationTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

_REPLY_TO = "amq.rabbitmq.reply-to"
_ID = "{id}"
# Queues that RabbitMQ names, the answers to requests among them, and those that Spring's clients name.
_NAMED = re.compile(rf"(amq\.gen-|{re.escape(_REPLY_TO)}\.|spring\.gen-).+")
_UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(-?)(?:[0-9a-f]{4}\1){3}[0-9a-f]{12}(?![0-9a-f])", re.IGNORECASE)
# What has no other name than that: aio-pika's queues without a name, and those of Celery's answers.
_ANONYMOUS = {_REPLY_TO, *(f"{prefix}{_ID}" for prefix in ("amq.gen-", f"{_REPLY_TO}.", "spring.gen-", "amq_", ""))}


@lru_cache(maxsize=1024)
def destination(exchange: str, routing_key: str, queue: str = "") -> str:
    """Return the name of a destination: `{exchange}:{routing key}:{queue}`, without what is empty or repeated.

    A template, if the name is made up at each start. That is the form of the messaging conventions:
    https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/.
    """
    # Replies by the direct reply-to have no queue; who waits for them names this one.
    repeated = queue == routing_key or (queue == _REPLY_TO and routing_key.startswith(f"{_REPLY_TO}."))
    parts = [part for part in (exchange, routing_key, "" if repeated else queue) if part]
    name, template = ":".join(parts) or "amq.default", ":".join(map(_template, parts))
    if template in {"", name}:
        return name
    anonymous = _template(queue or ("" if exchange else routing_key)) in _ANONYMOUS
    return DestinationTemplate(template, name, {semconv.ANONYMOUS: True, semconv.TEMPORARY: True} if anonymous else {})


@lru_cache(maxsize=1024)
def received(exchange: str, routing_key: str, queue: str, auto_ack: bool) -> tuple[str, str | None, Mapping[str, Any]]:
    """Return what received messages have in common: their destination, that of the queue, RabbitMQ's own attributes.

    Nobody may change the attributes: others have them, too.
    """
    own_queue = destination("", queue) if queue else None
    return destination(exchange, routing_key, queue), own_queue, attributes(routing_key, None, auto_ack)


def is_direct_reply(exchange: str, routing_key: str) -> bool:
    """Return whether a message answers a request by the direct reply-to: that the broker returns it says nothing.

    It hands the answer over without a queue, and returns it all the same if it is `mandatory`, as aio-pika's messages
    are: https://www.rabbitmq.com/docs/direct-reply-to#limitations.
    """
    return not exchange and routing_key.startswith(f"{_REPLY_TO}.")


def _template(name: str) -> str:
    # Names that are made at each start would give each start span names and series of its own.
    return _UUID.sub(_ID, _NAMED.sub(rf"\1{_ID}", name))
