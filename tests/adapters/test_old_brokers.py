"""A client that was told that its broker is older than Kafka 0.11, which brought headers, sends as without us."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiokafka
import drivers
import pytest
from confluent_kafka import Producer
from support.recorder import recording

if TYPE_CHECKING:
    from brokers.kafka import Kafka

OLD = (0, 10, 2)
PATIENCE = 30  # seconds
FOLLOWS_ORDERS = tuple(map(int, aiokafka.__version__.split(".")[:2])) < (0, 13)  # later ones ask the broker anyway


def test_kafka_python_takes_the_message(kafka: Kafka, topic: str) -> None:
    # What comes of it later is the broker's affair: one of today no longer takes messages of that format.
    drivers.load("kafka_python")  # it warns of what is its own affair
    from kafka import KafkaProducer

    limits = {"request_timeout_ms": 1000, "delivery_timeout_ms": 1500}
    known = {name: limit for name, limit in limits.items() if name in KafkaProducer.DEFAULT_CONFIG}
    with recording() as recorder:
        producer = KafkaProducer(bootstrap_servers=kafka.address, api_version=OLD, **known)
        try:
            producer.send(topic, b"body")
            with pytest.raises(AssertionError, match="eaders"):
                producer.send(topic, b"body", headers=[("a", b"1")])  # the application's own are refused as ever
        finally:
            producer.close(timeout=PATIENCE)
        assert len(recorder.sends(2)) == 2


def test_confluent_kafka_sends_it(kafka: Kafka, topic: str) -> None:
    answers: list[Any] = []
    old = {"api.version.request": False, "broker.version.fallback": ".".join(map(str, OLD)), "log_level": 0}
    with recording() as recorder:
        producer = Producer({"bootstrap.servers": kafka.address, **old})
        producer.produce(topic, b"body", on_delivery=lambda error, _: answers.append(error))
        assert producer.flush(PATIENCE) == 0
        recorder.sends(1)
    assert answers == [None]


@pytest.mark.skipif(not FOLLOWS_ORDERS, reason="since aiokafka 0.13 a producer asks the broker what it knows")
@pytest.mark.parametrize("batch", [False, True])
def test_aiokafka_takes_the_message(kafka: Kafka, topic: str, batch: bool) -> None:
    async def send() -> None:
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=kafka.address, api_version="0.10.2", request_timeout_ms=2000
        )
        await producer.start()
        try:
            if batch:
                assert producer.create_batch().append(key=None, value=b"body", timestamp=None) is not None
            else:
                (await producer.send(topic, b"body")).add_done_callback(lambda future: future.exception())
        finally:
            await asyncio.wait_for(producer.stop(), PATIENCE)

    with recording():
        asyncio.run(send())
