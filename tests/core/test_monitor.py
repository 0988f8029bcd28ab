"""What is observed of clients when metrics are collected."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.recorder import recording, seconds
from support.threads import beside

from core.tinyqueue import Channel, Consumer, Producer, Queue
from otel_eda import config
from otel_eda.config import Config
from otel_eda.core import AssignmentChange, Position
from otel_eda.core.clients.instances import client_of
from otel_eda.core.clients.progress import assignment_changed
from otel_eda.core.runtime import guard

if TYPE_CHECKING:
    from support.recorder import Recorder

    from otel_eda.core import Library


SYSTEM = "messaging.system"
PLACE = {"messaging.destination.name": "orders", "messaging.consumer.group.name": "readers"}


def value(recorder: Recorder, metric: str) -> Any:
    """Give a metric's only value, None if there is none."""
    # Clients of real libraries that other tests left may be alive.
    points = [point for point in recorder.points(metric) if (point.attributes or {}).get(SYSTEM) == "tinyqueue"]
    assert len(points) <= 1, points
    return next((getattr(point, "value", None) for point in points), None)


@pytest.fixture
def positions(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the library tell how far its consumers are."""

    def where(consumer: Consumer) -> list[Position]:
        stored = consumer.queue.topics
        return [Position(topic, "0", offset, len(stored[topic])) for topic, offset in consumer.offsets.items()]

    monkeypatch.setattr(library, "positions", where)


def test_lag_is_what_is_still_to_come(positions: None, recorder: Recorder, queue: Queue) -> None:
    consumer = Consumer(queue, "orders")
    seen = [value(recorder, "eda.consumer.lag") for _ in consumer]
    assert seen == [2, 1, 0]
    (point,) = recorder.points("eda.consumer.lag")
    assert dict(point.attributes or {}).items() >= PLACE.items()
    consumer.close()


def test_a_closed_consumer_has_no_lag(positions: None, recorder: Recorder, queue: Queue) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    assert value(recorder, "eda.consumer.lag") == 2
    consumer.close()
    assert value(recorder, "eda.consumer.lag") is None


def test_members_are_counted_together(positions: None, recorder: Recorder, queue: Queue) -> None:
    queue.fill("payments", 1)
    both = [Consumer(queue, "orders"), Consumer(queue, "orders", "payments")]
    for consumer in both:
        next(consumer)
    lag = {destination: recorder.points("eda.consumer.lag", destination) for destination in ("orders", "payments")}
    assert {destination: [getattr(point, "value", None) for point in found] for destination, found in lag.items()} == {
        "orders": [4],
        "payments": [1],
    }
    assert value(recorder, "eda.consumer.partition.count") == 3
    for consumer in both:
        consumer.close()


def test_lag_in_time_is_the_age_of_what_came_last_while_there_is_more(
    positions: None, stamped: int, recorder: Recorder, queue: Queue
) -> None:
    consumer = Consumer(queue, "orders")
    seen = [value(recorder, "eda.consumer.lag_time") for _ in consumer]
    assert [round(late / 60) for late in seen] == [1, 1, 0]
    consumer.close()


def test_the_age_at_the_end_of_processing(
    stamped: int, recorder: Recorder, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in (consumer := Consumer(queue, "orders")):
        pass
    consumer.close()
    assert recorder.points("eda.message.age") == []  # the queue time and the processing time say as much
    monkeypatch.setattr(config, "_current", Config(strict=True, message_age=True))
    consumer = Consumer(queue, "orders")
    assert recorder.points("eda.message.age") == []
    for _ in consumer:
        pass
    (point,) = recorder.counted("eda.message.age", 3)
    assert seconds(point) / 3 == pytest.approx(60, abs=30)
    consumer.close()


def test_the_room_that_retention_leaves(positions: None, recorder: Recorder, queue: Queue, library: Library) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    assert value(recorder, "eda.consumer.retention.margin") is None
    client_of(consumer, library).assignment.starts["orders", "0"] = 0
    assert value(recorder, "eda.consumer.retention.margin") == 1
    client_of(consumer, library).assignment.starts["orders", "0"] = 3  # gone, unread
    assert value(recorder, "eda.consumer.retention.margin") == 0
    for _ in consumer:
        pass
    assert value(recorder, "eda.consumer.lag") == 0
    assert value(recorder, "eda.consumer.retention.margin") is None  # nothing is there that could go unread
    consumer.close()


def test_time_without_partitions(recorder: Recorder, queue: Queue, library: Library) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    client = client_of(consumer, library)
    assert value(recorder, "eda.consumer.unassigned.time") is None
    for change in (AssignmentChange.ADD, AssignmentChange.REMOVE, AssignmentChange.REPLACE):
        assignment_changed(client, change, [("orders", 0)])
        time.sleep(0.01)
    unassigned = value(recorder, "eda.consumer.unassigned.time")
    assert unassigned >= 0.01
    assert value(recorder, "eda.consumer.unassigned.time") == unassigned
    client.assignment.suspend()
    time.sleep(0.01)
    assert value(recorder, "eda.consumer.unassigned.time") >= unassigned + 0.01
    names = [name for name in ("assigned", "revoked") for _ in recorder.events(f"eda.consumer.{name}", "orders")]
    assert names == ["assigned", "assigned", "revoked"]
    consumer.close()


def test_a_position_is_reported_once(positions: None, recorder: Recorder, queue: Queue) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    recorder.metrics()
    recorder.metrics()
    expected = {"eda.partition.next": 1, "eda.partition.end": 3}
    assert [one.items() >= expected.items() for one in recorder.events("eda.consumer.position")] == [True]
    next(consumer)
    consumer.commit()
    consumer.close()
    last = {"eda.partition.next": 2, "eda.partition.end": 3, "eda.commit.offset": 2}
    assert [one.items() >= last.items() for one in recorder.events("eda.consumer.position")] == [False, True]


def test_what_comes_again_is_counted(recorder: Recorder) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2)
    channel = Channel(queue)
    delivery, _ = channel.get("orders")
    assert delivery is not None
    assert recorder.points("eda.redelivered.messages") == []
    channel.nack(delivery.tag)
    channel.get("orders")
    channel.get("orders")
    channel.close()
    assert recorder.count("eda.redelivered.messages", "orders") == 1


def test_how_long_a_group_waits(recorder: Recorder, queue: Queue, library: Library, monkeypatch: Any) -> None:
    identify = library.identify
    monkeypatch.setattr(library, "identify", lambda client: replace(identify(client), max_poll_interval=300.0))
    consumer = Consumer(queue, "orders")
    next(consumer)
    assert value(recorder, "eda.consumer.poll.limit") == 300
    consumer.close()


def test_in_flight_is_what_is_at_work(recorder: Recorder, queue: Queue) -> None:
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        assert value(recorder, "eda.consumer.in_flight") == 1
        time.sleep(0.01)
        assert value(recorder, "eda.consumer.in_flight_age") >= 0.01
    assert value(recorder, "eda.consumer.in_flight") == 0
    assert value(recorder, "eda.consumer.in_flight_age") == 0
    consumer.close()


def test_sends_in_flight(recorder: Recorder) -> None:
    producer = Producer(Queue(), linger=True)
    producer.send("orders")
    producer.send("orders")
    assert value(recorder, "eda.producer.in_flight") == 2
    producer.flush()
    assert value(recorder, "eda.producer.in_flight") == 0


def test_polls_and_waiting(recorder: Recorder, queue: Queue) -> None:
    consumer = Consumer(queue, "orders")
    assert value(recorder, "eda.consumer.poll.age") is None
    consumer.poll()
    time.sleep(0.02)
    assert value(recorder, "eda.consumer.poll.age") >= 0.02
    waited = value(recorder, "eda.consumer.waiting.time")
    consumer.poll()
    assert value(recorder, "eda.consumer.waiting.time") > waited > 0
    assert value(recorder, "eda.consumer.poll.age") < 10
    consumer.close()


def test_our_own_failures_are_counted(library: Library) -> None:
    with recording(strict=False, quiet=False) as recorder:

        @guard.guarded
        def step() -> None:
            raise RuntimeError

        step()
        step()
        (point,) = recorder.points("eda.telemetry.failures")
        assert (getattr(point, "value", 0), "step" in str(point.attributes)) == (2, True)


def test_the_partition_is_an_attribute_on_demand(
    positions: None, recorder: Recorder, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "_current", Config(strict=True, partition_metrics=True))
    consumer = Consumer(queue, "orders")
    next(consumer)
    (point,) = recorder.points("eda.consumer.lag")
    assert dict(point.attributes or {})["messaging.destination.partition.id"] == "0"
    consumer.close()


def test_collecting_while_consuming(positions: None, recorder: Recorder) -> None:
    queue = Queue()
    queue.fill("orders", *range(3000))
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            recorder.metrics()

    consumer = Consumer(queue, "orders")
    with beside(collect, stop.set), suppress(StopIteration):
        for _ in consumer:
            pass
    consumer.close()
    assert recorder.count("messaging.client.consumed.messages") == 3000
