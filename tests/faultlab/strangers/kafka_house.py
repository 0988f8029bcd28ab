"""The house library of a team on Kafka, as such teams have one: the same few words over each of three clients."""

from __future__ import annotations

import asyncio
import contextvars
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .books import kafka
from .diary import note

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    Handler = Callable[[dict[str, Any], Any], None]

LIBRARIES = ("kafka-python", "confluent-kafka", "aiokafka")
IDLE = 4.0  # seconds without a message, after which a job has done its work


class Stop:
    """Whether the process has been told to end."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def publish(library: str, topic: str, events: Iterable[dict[str, Any]], key: str = "id") -> None:
    """Send events, and wait for all of them in the end."""
    {"kafka-python": _publish, "confluent-kafka": _produce, "aiokafka": _apublish}[library](topic, list(events), key)


def _publish(topic: str, events: list[dict[str, Any]], key: str) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka(), value_serializer=lambda value: json.dumps(value).encode())
    for event in events:
        note("sent", event["id"], to=topic)
        producer.send(topic, event, key=str(event[key]).encode())
    producer.flush()
    producer.close()


def _produce(topic: str, events: list[dict[str, Any]], key: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 5, "partitioner": "murmur2_random"})
    for event in events:
        note("sent", event["id"], to=topic)
        producer.produce(topic, json.dumps(event), key=str(event[key]))
        producer.poll(0)
    producer.flush(30)


def _apublish(topic: str, events: list[dict[str, Any]], key: str) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            for event in events:
                note("sent", event["id"], to=topic)
                await producer.send_and_wait(topic, json.dumps(event).encode(), str(event[key]).encode())

    finished(main())


def finished(work_: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end; below a loop, in a thread, as callers that cannot wait do."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work_)
        return
    with ThreadPoolExecutor(1) as pool:
        pool.submit(contextvars.copy_context().run, asyncio.run, work_).result()


def work(library: str, topic: str, group: str, handle: Handler, commit: str = "after") -> None:
    """Handle one message after the other, until none comes; commit `after` or `before` each, or `auto`matically."""
    {"kafka-python": _iterate, "confluent-kafka": _poll, "aiokafka": _aiterate}[library](topic, group, handle, commit)


def kafka_python(topic: str, group: str, auto: bool = False, **more: Any) -> Any:
    """Make a consumer of kafka-python as the house makes them."""
    from kafka import KafkaConsumer

    defaults = {
        "bootstrap_servers": kafka(),
        "group_id": group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": auto,
        "auto_commit_interval_ms": 100,
        "session_timeout_ms": 3000,
        "heartbeat_interval_ms": 500,
        "consumer_timeout_ms": int(IDLE * 1000),
    }
    return KafkaConsumer(topic, **{**defaults, **more})


def confluent(topic: str, group: str, auto: bool = False, **more: Any) -> Any:
    """Make a consumer of confluent-kafka likewise."""
    from confluent_kafka import Consumer

    defaults = {
        "bootstrap.servers": kafka(),
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": auto,
        "auto.commit.interval.ms": 100,
        "session.timeout.ms": 3000,
        "heartbeat.interval.ms": 500,
    }
    consumer = Consumer({**defaults, **more})
    consumer.subscribe([topic])
    return consumer


def aio(topic: str, group: str, auto: bool = False, **more: Any) -> Any:
    """Make a consumer of aiokafka likewise."""
    from aiokafka import AIOKafkaConsumer

    return AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka(),
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=auto,
        auto_commit_interval_ms=100,
        session_timeout_ms=3000,
        heartbeat_interval_ms=500,
        **more,
    )


def _iterate(topic: str, group: str, handle: Handler, commit: str) -> None:
    stop, consumer = Stop(), kafka_python(topic, group, commit == "auto")
    for message in consumer:
        if commit == "before":
            consumer.commit()
        handle(json.loads(message.value), message)
        if commit == "after":
            consumer.commit()
        if stop.asked:
            break
    consumer.close()


def _poll(topic: str, group: str, handle: Handler, commit: str) -> None:
    stop, consumer, started = Stop(), confluent(topic, group, commit == "auto"), False
    while not stop.asked:
        message = consumer.poll(IDLE if started else 10)
        if message is None:
            break
        started = True
        if message.error():
            continue
        if commit == "before":
            consumer.commit(message, asynchronous=False)
        handle(json.loads(message.value()), message)
        if commit == "after":
            consumer.commit(message, asynchronous=False)
    consumer.close()


def _aiterate(topic: str, group: str, handle: Handler, commit: str) -> None:
    async def main() -> None:
        stop, consumer = Stop(), aio(topic, group, commit == "auto")
        await consumer.start()
        try:
            while not stop.asked:
                message = await asyncio.wait_for(consumer.getone(), IDLE)
                if commit == "before":
                    await consumer.commit()
                handle(json.loads(message.value), message)
                if commit == "after":
                    await consumer.commit()
        except asyncio.TimeoutError:
            pass
        finally:
            await consumer.stop()

    asyncio.run(main())


def batches(library: str, topic: str, group: str, write: Callable[[list[Any]], None], size: int = 10) -> None:
    """Take messages by the batch, write each batch, then commit it; end when none come."""
    {"kafka-python": _poll_batches, "confluent-kafka": _consume, "aiokafka": _getmany}[library](
        topic, group, write, size
    )


def _poll_batches(topic: str, group: str, write: Callable[[list[Any]], None], size: int) -> None:
    stop, consumer, empty = Stop(), kafka_python(topic, group), 0
    while not stop.asked and empty < 9:
        found = consumer.poll(timeout_ms=500, max_records=size)
        empty = 0 if found else empty + 1
        batch = [record for records in found.values() for record in records]
        if batch:
            write(batch)
            consumer.commit()
    consumer.close()


def _consume(topic: str, group: str, write: Callable[[list[Any]], None], size: int) -> None:
    stop, consumer, empty = Stop(), confluent(topic, group), 0
    while not stop.asked and empty < 9:
        found = [message for message in consumer.consume(size, timeout=0.5) if not message.error()]
        empty = 0 if found else empty + 1
        if found:
            write(found)
            consumer.commit(asynchronous=False)
    consumer.close()


def _getmany(topic: str, group: str, write: Callable[[list[Any]], None], size: int) -> None:
    async def main() -> None:
        stop, empty = Stop(), 0
        async with aio(topic, group) as consumer:
            while not stop.asked and empty < 9:
                found = await consumer.getmany(timeout_ms=500, max_records=size)
                empty = 0 if found else empty + 1
                for records in found.values():
                    write(list(records))
                    await consumer.commit()

    asyncio.run(main())


def value(message: Any) -> dict[str, Any]:
    """Give the event that is in a message of any of the clients."""
    raw = message.value() if callable(message.value) else message.value
    found: dict[str, Any] = json.loads(raw)
    return found
