"""The asyncio clients: the context is the task's, whatever thread does the work."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import PATIENCE
from support.recorder import count
from support.spans import NOTHING, attribute, current, failed, ids, parent
from support.waiting import TaskBarrier

from adapters.confluent_kafka.conftest import QUIET, flush, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from brokers.kafka import Kafka
    from confluent_kafka import Producer
    from conftest import Topics
    from support.recorder import Recorder
    from support.spans import Ids

try:
    from confluent_kafka import aio
except ImportError:
    aio = pytest.importorskip("confluent_kafka.experimental.aio", reason="the asyncio clients are new in 2.12")


OFFSET = "messaging.kafka.offset"


async def message(consumer: Any) -> Any:
    found = await consumer.poll(PATIENCE)
    assert found is not None
    assert found.error() is None
    return found


def test_each_message_has_one_send_span(recorder: Recorder, kafka: Kafka, topic: str) -> None:
    async def main() -> list[int]:
        producer = aio.AIOProducer({"bootstrap.servers": kafka.address, **QUIET}, batch_size=2, buffer_timeout=0.1)
        with recorder.tracer.start_as_current_span("ambient"):
            futures = [await producer.produce(topic, f"{number}") for number in range(5)]
        await producer.flush()
        offsets = [(await future).offset() for future in futures]
        await producer.close()
        return offsets

    offsets = asyncio.run(main())
    sends = recorder.sends(5)
    assert [attribute(span, OFFSET) for span in sends] == offsets
    assert {parent(span) for span in sends} == {ids(recorder.own("ambient")[0])}
    assert {attribute(span, "server.address") for span in sends} == {"127.0.0.1"}


def test_headers_are_refused_as_they_are_without_us(recorder: Recorder, kafka: Kafka, topic: str) -> None:
    async def main() -> None:
        producer = aio.AIOProducer({"bootstrap.servers": kafka.address, **QUIET})
        with pytest.raises(NotImplementedError):
            await producer.produce(topic, b"1", headers=[("a", b"1")])
        await producer.close()

    asyncio.run(main())
    assert failed(recorder.sends(1)[0])


def test_a_failed_delivery_ends_its_span(recorder: Recorder, kafka: Kafka, topic: str) -> None:
    async def main() -> None:
        settings = {"bootstrap.servers": kafka.address, "message.max.bytes": 8 << 20, **QUIET}
        producer = aio.AIOProducer(settings, batch_size=1)
        future = await producer.produce(topic, bytes(2 << 20))
        await producer.flush()
        with pytest.raises(Exception, match="large"):
            await future
        await producer.close()

    asyncio.run(main())
    assert failed(recorder.sends(1)[0])


def test_a_pulled_message_is_processed_in_the_task_that_pulled(
    recorder: Recorder, kafka: Kafka, topics: Topics, produced: Callable[..., Producer]
) -> None:
    names = topics(), topics()
    producer = produced()
    for name in names:
        for number in range(3):
            producer.produce(name, f"{number}")
    flush(producer)

    async def read(name: str, together: TaskBarrier) -> list[Ids]:
        consumer = aio.AIOConsumer(reading(kafka.address))
        await consumer.subscribe([name])
        seen = []
        for _ in range(3):
            await message(consumer)
            await together.wait()
            seen.append(current())
        await consumer.close()
        assert current() == NOTHING
        return seen

    async def main() -> list[list[Ids]]:
        together = TaskBarrier(2)
        return await asyncio.gather(*(read(name, together) for name in names))

    for name, seen in zip(names, asyncio.run(main()), strict=True):
        processed = recorder.processes(3, name)
        assert [ids(span) for span in processed] == seen
        assert [parent(span) for span in processed] == [ids(span) for span in recorder.sends(3, name)]
    assert not recorder.open()


def test_a_batch_is_processed_message_by_message(
    recorder: Recorder, kafka: Kafka, topic: str, produced: Callable[..., Producer]
) -> None:
    producer = produced()
    for number in range(3):
        producer.produce(topic, f"{number}")
    flush(producer)

    async def main() -> list[Ids]:
        consumer = aio.AIOConsumer(reading(kafka.address))
        await consumer.subscribe([topic])
        seen: list[Ids] = []
        while len(seen) < 3:
            for _ in await consumer.consume(10, 1):
                await asyncio.sleep(0)
                seen.append(current())
        await consumer.close()
        return seen

    assert asyncio.run(main()) == [ids(span) for span in recorder.processes(3)]
    assert all(attribute(span, "messaging.operation.name") == "consume" for span in recorder.ours()[3:4])


def test_each_pull_is_measured_once(
    recorder: Recorder, kafka: Kafka, topic: str, produced: Callable[..., Producer]
) -> None:
    producer = produced()
    for number in range(2):
        producer.produce(topic, f"{number}")
    flush(producer)

    async def main() -> None:
        consumer = aio.AIOConsumer(reading(kafka.address))
        await consumer.subscribe([topic])
        await message(consumer)
        while not await consumer.consume(1, 1):
            pass
        await consumer.close()

    asyncio.run(main())
    points = recorder.points("messaging.client.operation.duration", topic)
    pulls = {point.attributes["messaging.operation.name"]: count(point) for point in points if point.attributes}
    assert pulls == {"poll": 1, "consume": 1, "produce": 2}


def test_commits_are_spans(recorder: Recorder, kafka: Kafka, topic: str, produced: Callable[..., Producer]) -> None:
    producer = produced()
    producer.produce(topic, b"1")
    flush(producer)

    async def main() -> None:
        consumer = aio.AIOConsumer(reading(kafka.address))
        await consumer.subscribe([topic])
        found = await message(consumer)
        await consumer.commit(message=found, asynchronous=False)
        await consumer.close()

    asyncio.run(main())
    assert len(recorder.processes(1)) == 1
    [settle] = recorder.settles(1)
    assert (settle.name, attribute(settle, "eda.commit.offset")) == (f"commit {topic}", 1)


def test_callbacks_run_in_the_context_of_who_polls(recorder: Recorder, kafka: Kafka, topic: str) -> None:
    seen: list[Ids] = []

    async def assigned(_: Any, __: Any) -> None:
        seen.append(current())

    async def main() -> None:
        consumer = aio.AIOConsumer({**reading(kafka.address), "group.id": uuid.uuid4().hex})
        await consumer.subscribe([topic], on_assign=assigned)
        with recorder.tracer.start_as_current_span("ambient"):
            while not seen:
                await consumer.poll(0.2)
        await consumer.close()

    asyncio.run(main())
    assert seen == [ids(recorder.own("ambient")[0])]
