from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from brokers.kafka import Kafka


class Clients:
    """Makes clients of one broker."""

    def __init__(self, address: str) -> None:
        self.address = address

    @asynccontextmanager
    async def producer(self, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
        async with AIOKafkaProducer(bootstrap_servers=self.address, retry_backoff_ms=10, **options) as made:
            yield made

    @asynccontextmanager
    async def consumer(self, *topics: str, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
        settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_max_wait_ms": 50, **options}
        made = AIOKafkaConsumer(*topics, bootstrap_servers=self.address, retry_backoff_ms=10, **settings)
        async with made:
            yield made

    async def fill(self, topic: str, *values: bytes) -> None:
        """Send messages, and wait for the answers."""
        async with self.producer() as producer:
            for value in values:
                await producer.send_and_wait(topic, value)


@pytest.fixture
def clients(kafka: Kafka) -> Clients:
    return Clients(kafka.address)
