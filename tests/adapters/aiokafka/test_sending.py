"""Sends: the answer comes by a future of the library's, batches, transactions, a broker that is gone for a while."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from opentelemetry.trace import SpanKind
from support.spans import NOTHING, attribute, current, failed, ids, links, parent, told

from adapters.aiokafka.conftest import Clients
from otel_eda import semconv

if TYPE_CHECKING:
    from brokers.kafka import Kafka
    from support.recorder import Recorder

PARTITION, OFFSET = "messaging.destination.partition.id", "messaging.kafka.offset"
COUNT, REFUSED = "messaging.batch.message_count", "eda.create.refused"


def test_partitioner_and_serialisers_are_called_once(clients: Clients, topic: str, recorder: Recorder) -> None:
    calls: list[str] = []

    def partitioner(*_: object) -> int:
        calls.append("partitioner")
        return 0

    def serialiser(value: bytes) -> bytes:
        calls.append("serialiser")
        return value

    async def main() -> None:
        async with clients.producer(partitioner=partitioner, value_serializer=serialiser) as producer:
            await producer.send_and_wait(topic, b"1")

    asyncio.run(main())
    (span,) = recorder.sends(1)
    assert calls == ["serialiser", "partitioner"]
    assert (attribute(span, PARTITION), attribute(span, OFFSET)) == ("0", 0)


def test_nothing_is_retrieved_that_the_application_did_not(clients: Clients, topic: str, recorder: Recorder) -> None:
    complaints: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about["message"]))
        async with clients.producer(max_request_size=8 << 20) as producer:
            await producer.send(topic, bytes(2 << 20))
            await producer.flush()
            await asyncio.sleep(0.01)
        gc.collect()

    asyncio.run(main())
    assert failed(*recorder.sends(1))
    assert complaints == ["Future exception was never retrieved"]


def test_a_cancelled_future_ends_its_span(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def main() -> None:
        async with clients.producer(linger_ms=50) as producer:
            future = await producer.send(topic, b"1")
            future.cancel()
            await producer.flush()
            with pytest.raises(asyncio.CancelledError):
                await future
            assert current() == NOTHING

    asyncio.run(main())
    assert attribute(recorder.sends(1)[0], "error.type") == semconv.UNRESOLVED


def test_sends_at_once_have_their_own_spans(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def send(producer: Any, number: int) -> None:
        with recorder.tracer.start_as_current_span(f"request {number}"):
            mine = current()
            await producer.send_and_wait(topic, b"%d" % number)
            assert current() == mine

    async def main() -> None:
        async with clients.producer(linger_ms=5) as producer:
            await asyncio.gather(*(send(producer, number) for number in range(20)))

    asyncio.run(main())
    expected = {ids(recorder.own(f"request {number}")[0]) for number in range(20)}
    assert {parent(span) for span in recorder.sends(20)} == expected


# --- Batches ------------------------------------------------------------------------------------------------------


def test_each_message_of_a_batch_has_its_context(clients: Clients, topic: str, recorder: Recorder) -> None:
    headers = [("a", b"1")]

    async def main() -> list[Any]:
        async with clients.producer() as producer:
            batch = producer.create_batch()
            with recorder.tracer.start_as_current_span("request"):
                for value in (b"1", b"2", b"3"):
                    metadata = batch.append(timestamp=None, key=None, value=value, headers=headers)
                    assert metadata.offset == int(value) - 1
                future = await producer.send_batch(batch, topic, partition=0)
            assert (await future).offset == 0
        async with clients.consumer(topic) as consumer:
            return [await consumer.getone() for _ in range(3)]

    records = asyncio.run(main())
    (request,), (send,) = recorder.own("request"), recorder.sends(1)
    created = [span for span in recorder.ours() if span.name == "create"]
    assert {(span.kind, parent(span)) for span in created} == {(SpanKind.PRODUCER, ids(request))}
    assert [record.headers[0] for record in records] == [("a", b"1")] * 3
    assert [told(record.headers[1][1]) for record in records] == [ids(span) for span in created]
    assert headers == [("a", b"1")]
    assert (send.name, send.kind, parent(send)) == (f"send_batch {topic}", SpanKind.CLIENT, ids(request))
    assert links(send) == [ids(span) for span in created]
    assert [attribute(send, name) for name in (COUNT, PARTITION, OFFSET)] == [3, "0", None]
    assert [parent(span) for span in recorder.processes(3)] == [ids(span) for span in created]
    assert recorder.count("messaging.client.sent.messages") == 3


def test_a_message_without_room_in_a_batch_is_none_of_its(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def main() -> None:
        async with clients.producer(max_batch_size=1000) as producer:
            batch = producer.create_batch()
            assert batch.append(timestamp=None, key=None, value=bytes(600)) is not None
            assert batch.append(timestamp=None, key=None, value=bytes(600)) is None
            await (await producer.send_batch(batch, topic, partition=0))

    asyncio.run(main())
    (send,) = recorder.sends(1)
    created = [span for span in recorder.ours() if span.name == "create"]
    assert [attribute(span, REFUSED) for span in created] == [None, True]
    assert links(send) == [ids(created[0])]
    assert attribute(send, COUNT) == 1


def test_a_batch_fares_as_without_us(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def main() -> None:
        async with clients.producer() as producer:
            batch = producer.create_batch()
            with pytest.raises(TypeError):
                batch.append(timestamp=None, key=None)
            with pytest.raises(TypeError):
                batch.append(timestamp=None, key=None, value=7)
            batch.close()
            assert batch.append(timestamp=None, key=None, value=b"1") is None
            with pytest.raises(TypeError):
                await producer.send_batch(batch, topic)

    asyncio.run(main())
    assert [failed(span) for span in recorder.ours()] == [True, False]


def test_a_message_of_a_batch_keeps_a_context_of_its_own(clients: Clients, topic: str, recorder: Recorder) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    async def main() -> None:
        async with clients.producer() as producer:
            batch = producer.create_batch()
            batch.append(timestamp=None, key=None, value=b"1", headers=[("traceparent", given.encode())])
            await (await producer.send_batch(batch, topic, partition=0))

    asyncio.run(main())
    (send,) = recorder.sends(1)
    assert links(send) == [(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)]


# --- Transactions and commits -------------------------------------------------------------------------------------


def test_a_transaction_commits_what_was_consumed(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def main() -> None:
        await clients.fill(topic, b"1")
        async with (
            clients.producer(transactional_id=f"t-{topic}") as producer,
            clients.consumer(topic, group_id=topic) as consumer,
        ):
            record = await consumer.getone()
            async with producer.transaction():
                await producer.send(topic, b"2")
                await producer.send_offsets_to_transaction({TopicPartition(topic, 0): record.offset + 1}, topic)

    asyncio.run(main())
    _, send = recorder.sends(2)
    (settle,) = recorder.settles(1)
    (process,) = recorder.processes(1)
    assert settle.name == f"send_offsets_to_transaction {topic}"
    assert (parent(send), attribute(settle, "eda.commit.offset")) == (ids(process), 1)


@pytest.mark.parametrize("given", [None, "plain", "with metadata"])
def test_a_commit_tells_its_offset(given: str | None, clients: Clients, topic: str, recorder: Recorder) -> None:
    offsets = {"plain": 1, "with metadata": (1, "mine")}

    async def main() -> None:
        await clients.fill(topic, b"1", b"2")
        async with clients.consumer(topic, group_id=topic) as consumer:
            async for _ in consumer:
                await consumer.commit(given and {TopicPartition(topic, 0): offsets[given]})
                break

    asyncio.run(main())
    (settle,), (process,) = recorder.settles(1), recorder.processes(1)
    assert (parent(settle), attribute(settle, "eda.commit.offset")) == (ids(process), 1)
    assert automatic(recorder) == {False: 1}


def automatic(recorder: Recorder) -> dict[Any, int]:
    points = recorder.points("eda.commits")
    return {(point.attributes or {})["eda.commit.automatic"]: getattr(point, "value", 0) for point in points}


def test_automatic_commits_are_counted_apart(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def main() -> None:
        await clients.fill(topic, b"1", b"2")
        options: dict[str, Any] = {"enable_auto_commit": True, "auto_commit_interval_ms": 100}
        async with clients.consumer(topic, group_id=topic, **options) as consumer:
            await consumer.getone()
            await consumer.commit()
            while not automatic(recorder).get(True):
                await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(main(), 60))
    recorder.settles(1)
    counts = automatic(recorder)
    assert counts[False] == 1
    assert counts[True] >= 1


def test_what_a_stop_commits_is_told(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def main() -> None:
        await clients.fill(topic, b"1")
        options: dict[str, Any] = {"enable_auto_commit": True, "auto_commit_interval_ms": 60_000}
        async with clients.consumer(topic, group_id=topic, **options) as consumer:
            await consumer.getone()

    asyncio.run(asyncio.wait_for(main(), 60))
    assert recorder.events("eda.consumer.position", topic)[-1].get("eda.commit.offset") == 1


# --- A broker that is gone for a while ----------------------------------------------------------------------------


def test_a_restart_of_the_broker_is_survived(private_kafka: Kafka, recorder: Recorder) -> None:
    topic, clients = private_kafka.topic(), Clients(private_kafka.address)

    async def main() -> list[bytes]:
        seen = []
        async with (
            clients.producer(request_timeout_ms=30_000) as producer,
            clients.consumer(topic, request_timeout_ms=1000) as consumer,
        ):
            await producer.send_and_wait(topic, b"1")
            loop = asyncio.get_running_loop()
            async for record in consumer:
                seen.append(record.value)
                if len(seen) == 2:
                    return seen
                await loop.run_in_executor(None, private_kafka.kill)
                late = await producer.send(topic, b"2")
                await loop.run_in_executor(None, private_kafka.start)
                await late
        raise AssertionError("the loop came to an end")

    assert asyncio.run(asyncio.wait_for(main(), 100)) == [b"1", b"2"]
    first, second = recorder.sends(2)
    assert [failed(span) for span in (first, second)] == [False, False]
    assert parent(second) == ids(recorder.processes(2)[0])
    assert [links(span) for span in recorder.processes(2)] == [[ids(first)], [ids(second)]]


def test_a_send_that_no_broker_answers_fails(private_kafka: Kafka, recorder: Recorder) -> None:
    topic, clients = private_kafka.topic(), Clients(private_kafka.address)

    async def main() -> None:
        async with clients.producer(request_timeout_ms=1000) as producer:
            await producer.send_and_wait(topic, b"1")
            private_kafka.kill()
            with pytest.raises(KafkaError) as caught:
                await producer.send_and_wait(topic, b"2")
            assert type(caught.value).__name__ in str(attribute(recorder.sends(2)[1], "error.type"))

    asyncio.run(asyncio.wait_for(main(), 60))
    assert [failed(span) for span in recorder.sends(2)] == [False, True]


def test_what_is_too_large_fails_in_the_call(clients: Clients, topic: str, recorder: Recorder) -> None:
    async def main() -> None:
        async with clients.producer() as producer:
            with pytest.raises(MessageSizeTooLargeError):
                await producer.send(topic, bytes(2 << 20))

    asyncio.run(main())
    assert attribute(recorder.sends(1)[0], "error.type") == "aiokafka.errors.MessageSizeTooLargeError"
