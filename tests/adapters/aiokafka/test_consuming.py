"""Tasks that consume: each sees its own context alone, and whatever ends it ends its span."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from support.spans import NOTHING, attribute, current, failed, ids, links, parent
from support.waiting import cancel

from otel_eda.core.clients.instances import client_of
from otel_eda.suite import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from aiokafka import AIOKafkaConsumer
    from conftest import Topics
    from support.recorder import Recorder
    from support.spans import Ids

    from adapters.aiokafka.conftest import Clients

    Body = Callable[[Any], Awaitable[None]]
    Way = Callable[[AIOKafkaConsumer, Body], Coroutine[Any, Any, None]]

EXACT = sys.version_info >= (3, 12)
CANCELLED = "asyncio.exceptions.CancelledError"


async def forever(_: object) -> None:
    await asyncio.get_running_loop().create_future()


def test_two_tasks_never_see_each_others_context(clients: Clients, topics: Topics, recorder: Recorder) -> None:
    both = topics(), topics()

    async def consume(topic: str, together: list[asyncio.Event], mine: int) -> list[Ids]:
        seen = []
        async with clients.consumer(topic) as consumer:
            async for _ in consumer:
                seen.append(current())
                together[mine].set()
                await together[1 - mine].wait()  # now both are in their bodies
                assert current() == seen[-1]
                with recorder.tracer.start_as_current_span("work"):
                    await asyncio.sleep(0)
                if len(seen) == 3:
                    break
        assert current() == NOTHING
        return seen

    async def main() -> list[list[Ids]]:
        for topic in both:
            await clients.fill(topic, b"1", b"2", b"3")
        events = [asyncio.Event(), asyncio.Event()]
        return await asyncio.gather(*(consume(topic, events, mine) for mine, topic in enumerate(both)))

    for topic, seen in zip(both, asyncio.run(main()), strict=True):
        processed = recorder.processes(3, topic)
        assert seen == [ids(span) for span in processed]
        assert [parent(span) for span in processed] == [ids(span) for span in recorder.sends(3, topic)]
    assert len({parent(span) for span in recorder.own("work")}) == 6


async def looping(consumer: AIOKafkaConsumer, body: Body) -> None:
    async for record in consumer:
        await body(record)


async def pulling(consumer: AIOKafkaConsumer, body: Body) -> None:
    while True:
        await body(await consumer.getone())


async def polling(consumer: AIOKafkaConsumer, body: Body) -> None:
    for records in (await consumer.getmany(timeout_ms=10_000)).values():
        for record in records:
            await body(record)


def test_tasks_that_share_a_consumer_keep_to_their_own(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def turn(record: Any) -> None:
        mine = current()
        await asyncio.sleep(0.001)
        assert current() == mine != NOTHING
        assert record.value

    async def main() -> None:
        await clients.fill(topic, *[b"1"] * 30)
        async with clients.consumer(topic) as consumer:
            tasks = [asyncio.create_task(pulling(consumer, turn)) for _ in range(3)]
            await cancel(tasks, lambda: recorder.count("messaging.process.duration") == 30)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert len({links(span)[0] for span in recorder.processes(30)}) == 30
    assert not any(failed(span) for span in recorder.processes(30))


@pytest.mark.parametrize("way", [pulling, polling])
def test_a_task_that_is_cancelled_in_a_body_ends_its_span(
    way: Way, clients: Clients, topic: str, recorder: Recorder
) -> None:
    async def consume() -> None:
        async with clients.consumer(topic) as consumer:
            await way(consumer, forever)

    async def main() -> None:
        await clients.fill(topic, b"1")
        await cancel([asyncio.create_task(consume())], lambda: recorder.open("process"))
        assert current() == NOTHING

    asyncio.run(asyncio.wait_for(main(), 60))
    (span,) = recorder.processes(1)
    if EXACT:
        assert attribute(span, "error.type") is None  # what was told to end is no failure
        assert attribute(span, "eda.process.abandoned") is True
    elif way is pulling:  # closing the consumer ends it first
        assert attribute(span, "error.type") in {None, CANCELLED}
    else:
        assert attribute(span, "error.type") == "_OTHER"


def test_a_pull_that_times_out_is_no_failure(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def main() -> None:
        async with clients.consumer(topic) as consumer:
            for call in (consumer.getone, consumer.__anext__):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(call(), 0.1)
            assert await consumer.getmany() == {}

    asyncio.run(main())
    assert recorder.ours() == []


def test_a_message_that_was_pulled_with_a_timeout_is_processed_until_the_next(
    clients: Clients, topic: str, recorder: Recorder
) -> None:
    async def main() -> None:
        await clients.fill(topic, b"1", b"2", b"3")
        async with clients.consumer(topic) as consumer:
            for done in range(3):
                await asyncio.wait_for(consumer.getone(), 30)
                await asyncio.sleep(0.01)
                recorder.processes(done)
                if EXACT:  # before, the pull is a task of its own, whose context is its own
                    assert current() == ids(recorder.open("process")[0])

    asyncio.run(main())
    assert not any(failed(span) for span in recorder.processes(3))


def test_an_exception_ends_the_span_while_the_consumer_lives(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def handle(_: object) -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    async def main() -> None:
        await clients.fill(topic, b"1", b"2")
        async with clients.consumer(topic) as consumer:
            for _ in range(2):
                with pytest.raises(ValueError, match="no"):
                    await looping(consumer, handle)
                assert not recorder.open()
                assert current() == NOTHING

    asyncio.run(main())
    assert [attribute(span, "error.type") for span in recorder.processes(2)] == [
        "ValueError" if EXACT else "_OTHER"
    ] * 2


def test_the_end_of_a_consumer_ends_its_loop(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def main() -> None:
        await clients.fill(topic, b"1")
        async with clients.consumer(topic) as consumer:
            async for _ in consumer:
                stopping = asyncio.create_task(consumer.stop())
            await stopping
        assert current() == NOTHING

    asyncio.run(asyncio.wait_for(main(), 30))
    assert not failed(*recorder.processes(1))


def test_records_of_some_partitions_only(clients: Clients, topics: Topics, recorder: Recorder) -> None:
    topic = topics(2)

    async def main() -> None:
        async with clients.producer() as producer:
            for partition in (0, 1):
                await producer.send_and_wait(topic, b"1", partition=partition)
        async with clients.consumer(topic) as consumer:
            chosen = TopicPartition(topic, 1)
            assert (await consumer.getone(chosen)).partition == 1
            await consumer.seek_to_beginning(chosen)
            assert list(await consumer.getmany(chosen, timeout_ms=10_000)) == [chosen]

    asyncio.run(main())
    assert [attribute(span, "messaging.destination.partition.id") for span in recorder.receives(1)] == ["1"]
    assert [attribute(span, "messaging.destination.partition.id") for span in recorder.processes(1)] == ["1"]


def test_every_pull_is_timed(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def main() -> None:
        await clients.fill(topic, b"1", b"2", b"3")
        async with clients.consumer(topic) as consumer:
            async for _ in consumer:
                break
            await consumer.getone()
            await consumer.getmany(timeout_ms=10_000)

    asyncio.run(main())
    points = recorder.points("messaging.client.operation.duration")
    named = [(point.attributes or {}).get("messaging.operation.name") for point in points]
    counts = {name: getattr(point, "count", 0) for name, point in zip(named, points, strict=True)}
    assert counts == {"send": 3, "getone": 2, "getmany": 1}


def test_what_changes_the_position_is_known(clients: Clients, topic: str, recorder: Recorder) -> None:
    where = TopicPartition(topic, 0)

    async def main() -> list[int]:
        await clients.fill(topic, b"1", b"2")
        async with clients.consumer(topic, group_id=topic) as consumer:
            await consumer.getone()
            client = client_of(consumer, LIBRARIES["aiokafka"])
            assert client.assignment.partitions == {(topic, "0")}
            epochs = [client.epoch]
            consumer.seek(where, 1)
            epochs.append(client.epoch)
            await consumer.seek_to_beginning(where)
            epochs.append(client.epoch)
            await consumer.seek_to_end()
            return [*epochs, client.epoch]

    epochs = asyncio.run(main())
    recorder.processes(1)
    assert len(set(epochs)) == 4
