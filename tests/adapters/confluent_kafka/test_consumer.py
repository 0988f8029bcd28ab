"""What only this library's consumers have."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, DeserializingConsumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.error import ValueDeserializationError
from drivers.base import PATIENCE
from support.recorder import recording
from support.spans import attribute, exceptions, failed, ids, parent
from support.waiting import until

from otel_eda.core.clients.instances import existing_client

from .conftest import flush, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from brokers.kafka import Kafka
    from support.recorder import Recorder

EXACT = pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
COMMITS, AUTOMATIC = "eda.commits", "eda.commit.automatic"


@pytest.fixture
def full(topic: str, produced: Callable[..., Any]) -> str:
    """A topic with three messages."""
    producer = produced()
    for number in range(3):
        producer.produce(topic, f"{number}")
    flush(producer)
    return topic


def pull(consumer: Consumer) -> Any:
    message = consumer.poll(PATIENCE)
    assert message is not None
    return message


def test_the_end_of_a_partition_is_no_message(recorder: Recorder, full: str, reader: Callable[..., Consumer]) -> None:
    consumer = reader(full, **{"enable.partition.eof": True})
    found = [pull(consumer) for _ in range(4)]
    assert [message.error() and message.error().code() for message in found] == [
        None, None, None, KafkaError._PARTITION_EOF,
    ]  # fmt: skip
    consumer.close()
    assert len(recorder.processes(3)) == 3
    assert recorder.count("messaging.client.consumed.messages") == 3


def test_the_end_of_a_partition_in_a_batch_is_no_message(
    recorder: Recorder, full: str, reader: Callable[..., Consumer]
) -> None:
    consumer = reader(full, **{"enable.partition.eof": True})
    found = until(lambda: consumer.consume(10, 1), "messages")
    assert len(found) == 4
    ends = 0
    for message in found:
        ends += message.error() is not None
    assert ends == 1
    consumer.close()
    assert len(recorder.processes(3)) == 3


@EXACT
def test_an_exception_in_a_pull_loop_is_its_messages(
    recorder: Recorder, full: str, reader: Callable[..., Consumer]
) -> None:
    consumer = reader(full)

    def run() -> None:
        count = 0
        while True:
            message = consumer.poll(1)
            if message is None:
                continue
            count += 1
            if count == 2:
                raise ValueError("this one")

    with pytest.raises(ValueError, match="this one"):
        run()
    assert not recorder.open()
    good, bad = recorder.processes(2)
    assert not failed(good)
    assert exceptions(bad) == [("ValueError", "this one")]


@EXACT
def test_a_subclass_that_pulls_is_no_end(recorder: Recorder, full: str, reader: Callable[..., Consumer]) -> None:
    class Own(Consumer):
        def poll(self, timeout: float = -1) -> Any:
            return super().poll(timeout)

    consumer = reader(full, Own)

    def run() -> None:
        pull(consumer)
        pull(consumer)
        raise ValueError("this one")

    with pytest.raises(ValueError, match="this one"):
        run()
    good, bad = recorder.processes(2)
    assert not failed(good)
    assert exceptions(bad) == [("ValueError", "this one")]


def test_deserialising_is_part_of_the_processing(
    recorder: Recorder, full: str, reader: Callable[..., Consumer]
) -> None:
    def deserialise(value: bytes, _: object) -> str:
        with recorder.tracer.start_as_current_span("deserialise"):
            return value.decode() + "!"

    consumer = reader(full, DeserializingConsumer, **{"value.deserializer": deserialise})
    assert [pull(consumer).value() for _ in range(3)] == ["0!", "1!", "2!"]
    consumer.close()
    assert [parent(span) for span in recorder.own("deserialise")] == [ids(span) for span in recorder.processes(3)]


def test_what_cannot_be_deserialised_has_failed(recorder: Recorder, full: str, reader: Callable[..., Consumer]) -> None:
    def deserialise(value: bytes, _: object) -> int:
        return 10 // int(value)

    consumer = reader(full, DeserializingConsumer, **{"value.deserializer": deserialise})
    with pytest.raises(ValueDeserializationError):
        pull(consumer)
    assert [pull(consumer).value() for _ in range(2)] == [10, 5]
    consumer.close()
    first, *others = recorder.processes(3)
    assert [failed(one) for one in (first, *others)] == [True, False, False]
    assert attribute(first, "error.type") == "_VALUE_DESERIALIZATION"


def test_a_consumer_that_is_dropped_ends_its_turn(recorder: Recorder, kafka: Kafka, full: str) -> None:
    consumer = Consumer(reading(kafka.address))
    consumer.assign([TopicPartition(full, 0, 0)])
    pull(consumer)
    assert len(recorder.open("process")) == 1
    assert recorder.points("eda.consumer.lag", full)
    del consumer
    recorder.processes(1)
    assert recorder.points("eda.consumer.lag", full) == []


def test_a_commit_without_arguments_tells_what_it_committed(
    recorder: Recorder, full: str, reader: Callable[..., Consumer]
) -> None:
    consumer = reader(full)
    pull(consumer)
    pull(consumer)
    consumer.commit(asynchronous=False)
    [settle] = recorder.settles(1)
    assert (settle.name, attribute(settle, "eda.commit.offset")) == (f"commit {full}", 2)


def test_an_asynchronous_commit_lasts_to_its_answer(
    recorder: Recorder, full: str, reader: Callable[..., Consumer]
) -> None:
    consumer = reader(full)
    consumer.commit(message=pull(consumer))
    assert len(recorder.open("settle")) == 1
    until(lambda: (consumer.poll(0.1), not recorder.open("settle"))[1], "the answer")
    [settle] = recorder.settles(1)
    assert attribute(settle, "eda.commit.offset") == 1
    assert not failed(settle)


def test_an_asynchronous_commit_whose_answer_nobody_asks_for_is_unresolved(
    full: str, reader: Callable[..., Consumer]
) -> None:
    with recording() as recorder:
        consumer = reader(full)
        consumer.commit(message=pull(consumer))
        assert len(recorder.open("settle")) == 1
    [settle] = recorder.settles(1)
    assert attribute(settle, "error.type") == "eda.unresolved"


def test_the_applications_own_callback_hears_of_commits(
    recorder: Recorder, full: str, reader: Callable[..., Consumer]
) -> None:
    heard: list[tuple[Any, list[int]]] = []

    def own(error: Any, partitions: list[TopicPartition]) -> None:
        heard.append((error, [one.offset for one in partitions]))

    consumer = reader(full, on_commit=own)
    consumer.commit(message=pull(consumer))
    until(lambda: (consumer.poll(0.1), heard)[1], "the answer")
    assert heard == [(None, [1])]


def test_automatic_commits_are_counted(recorder: Recorder, full: str, reader: Callable[..., Consumer]) -> None:
    consumer = reader(full, **{"enable.auto.commit": True, "auto.commit.interval.ms": 50})
    pull(consumer)

    def automatic() -> bool:
        consumer.poll(0.1)
        return any((point.attributes or {}).get(AUTOMATIC) for point in recorder.points(COMMITS))

    until(automatic, "an automatic commit")
    assert recorder.settles(0) == []


def test_what_a_close_commits_is_told(recorder: Recorder, full: str, reader: Callable[..., Consumer]) -> None:
    consumer = reader(full, **{"enable.auto.commit": True, "auto.commit.interval.ms": 60_000})
    pull(consumer)
    consumer.close()
    assert recorder.events("eda.consumer.position", full)[-1].get("eda.commit.offset") == 1


def test_what_changes_the_position_is_known(recorder: Recorder, full: str, reader: Callable[..., Consumer]) -> None:
    consumer = reader(full, **{"enable.auto.offset.store": False})
    client = existing_client(consumer)
    assert client is not None
    assert client.assignment.partitions == {(full, "0")}
    message = pull(consumer)
    consumer.store_offsets(message=message)
    before = client.epoch
    consumer.seek(TopicPartition(full, 0, 2))
    assert client.epoch != before
    assert pull(consumer).offset() == 2
    consumer.unassign()
    assert not client.assignment.partitions


@pytest.mark.parametrize("own", [False, True], ids=["no callback", "callbacks"])
def test_rebalances_are_known(recorder: Recorder, kafka: Kafka, full: str, own: bool) -> None:
    told: list[tuple[Any, list[int]]] = []

    def callback(consumer: Any, partitions: list[TopicPartition]) -> None:
        told.append((consumer, [one.partition for one in partitions]))

    consumer = Consumer(reading(kafka.address))
    consumer.subscribe([full], **({"on_assign": callback, "on_revoke": callback} if own else {}))
    assert pull(consumer).offset() == 0
    client = existing_client(consumer)
    assert client is not None
    assert client.assignment.partitions == {(full, "0")}
    consumer.close()
    assert client.assignment_count == 2
    assert not client.assignment.partitions
    assert told == ([(consumer, [0])] * 2 if own else [])


@pytest.mark.parametrize("given", [{"on_assign": None}, {"on_revoke": 7}, {"bogus": 1}], ids=str)
def test_bad_subscriptions_raise_what_they_raise_without_us(kafka: Kafka, given: dict[str, Any]) -> None:
    def raised() -> object:
        consumer = Consumer(reading(kafka.address))
        with pytest.raises(TypeError) as caught:
            consumer.subscribe(["nowhere"], **given)
        consumer.close()
        return caught.value.args

    bare = raised()
    with recording():
        assert raised() == bare


def test_a_closed_consumer_is_not_asked_how_far_it_is(recorder: Recorder) -> None:
    consumer = Consumer(reading("127.0.0.1:1"))
    consumer.close()
    with pytest.raises(RuntimeError, match="closed"):
        consumer.poll(0)


def test_leaving_a_block_closes(recorder: Recorder, kafka: Kafka, full: str) -> None:
    if not hasattr(Consumer, "__exit__"):
        pytest.skip("not in this version")
    with Consumer(reading(kafka.address)) as consumer:
        consumer.assign([TopicPartition(full, 0, 0)])
        pull(consumer)
        assert len(recorder.open("process")) == 1
    recorder.processes(1)


def test_a_failed_commit_is_told(recorder: Recorder, full: str, reader: Callable[..., Consumer]) -> None:
    consumer = reader(full)
    with pytest.raises(KafkaException):
        consumer.commit(asynchronous=False)
    [settle] = recorder.settles(1)
    assert attribute(settle, "error.type") == "_NO_OFFSET"
