"""A Kafka broker for the length of the demo: librdkafka's mock, which comes inside confluent-kafka's wheel."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confluent_kafka import Producer

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT = 10.0  # seconds


@contextmanager
def broker() -> Iterator[str]:
    """Run a broker of one node on a free loopback port and yield its `host:port`."""
    # The broker lives as long as this client does; a logger of its own keeps its notes off the user's terminal.
    client = Producer({"test.mock.num.brokers": 1}, logger=_silent())
    (node,) = client.list_topics(timeout=WAIT).brokers.values()
    try:
        yield f"{node.host}:{node.port}"
    finally:
        del client


def _silent() -> logging.Logger:
    logger = logging.Logger("otel_eda.demo.broker")
    logger.addHandler(logging.NullHandler())
    return logger
