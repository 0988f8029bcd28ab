"""However many destinations and keys there are, sets of attributes are bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.recorder import count, recording
from support.times import times

from core.tinyqueue import Consumer, Producer, Queue
from otel_eda import config, semconv
from otel_eda.config import Config
from otel_eda.core.clients.instances import ATTRIBUTE, client_of
from otel_eda.core.ledger import intervals

if TYPE_CHECKING:
    import pytest
    from support.recorder import Recorder

    from otel_eda.core import Library


def test_many_keys_are_no_sets_of_attributes(
    recorder: Recorder, queue: Queue, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "_current", Config(strict=True, capture_key="hash"))
    following, many = Consumer._next, times(2000)

    def keyed(self: Consumer, topic: str) -> Any:
        record = following(self, topic)
        if record is not None:
            vars(record)["key"] = f"key-{record.offset}".encode()
        return record

    monkeypatch.setattr(Consumer, "_next", keyed)
    monkeypatch.setattr(intervals, "MAX_KEYS", 1000)
    queue.fill("orders", *range(many))
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        pass
    partition = client_of(consumer, library).ledger.partition_ledger("orders", "0")
    consumer.close()
    assert len(partition._begin_order._latest) <= 1000
    assert {len(metric.data.data_points) for metric in recorder.metrics().values()} == {1}
    assert recorder.count(semconv.CONSUMED) == many + 3


def test_many_destinations_are_counted_together(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    with recording(quiet=False) as recorder:
        flood(recorder)
    said = [record.getMessage() for record in caplog.records if "counted together" in record.getMessage()]
    assert len(said) == len({*said})
    for metric in (semconv.SENT, semconv.CONSUMED):
        assert sum(line.startswith(f"{metric} has 2000 sets of attributes") for line in said) == 1


def flood(recorder: Recorder) -> None:
    producer, queue = Producer(Queue()), Queue()
    topics = [f"topic-{number}" for number in range(times(2500))]
    for topic in topics:
        producer.send(topic)
        queue.fill(topic, 1)
    for start in range(0, len(topics), 50):
        consumer = Consumer(queue, *topics[start : start + 50])
        for _ in consumer:
            pass
        consumer.commit()
        consumer.close()
    for metric, points in recorder.metrics().items():
        assert len(points.data.data_points) <= semconv.ATTRIBUTE_SETS + 1, metric
    for metric in (semconv.SENT, semconv.CONSUMED):
        assert recorder.count(metric) == len(topics)
    assert recorder.sends(1, topics[-1])[0].name == f"send {topics[-1]}"


def test_a_producer_to_ever_new_destinations_keeps_a_bounded_number(library: Library, queue: Queue) -> None:
    with recording(quiet=False) as recorder:  # it says so once
        flood_one(queue, recorder)


def flood_one(queue: Queue, recorder: Recorder) -> None:
    producer = Producer(queue)
    for number in range(3 * semconv.ATTRIBUTE_SETS // 2):
        producer.send(f"answers {number}", 0)
    client: Any = getattr(producer, ATTRIBUTE)
    assert len(client.routes) <= semconv.ATTRIBUTE_SETS
    points = recorder.points(semconv.SENT)
    assert len(points) == semconv.ATTRIBUTE_SETS + 1
    overflow = [point for point in points if (point.attributes or {}).get(semconv.OVERFLOW)]
    assert [count(point) for point in overflow] == [semconv.ATTRIBUTE_SETS // 2]
    assert recorder.count(semconv.SENT) == 3 * semconv.ATTRIBUTE_SETS // 2
