"""Which partitions a consumer has, and how far it is with them, leaves as events, though the broker was not asked."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import AdminClient
from drivers.base import Can, Message
from support.threads import beside
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokers.kafka import Kafka
    from drivers.base import Consumer, Driver
    from support.bus import Bus
    from support.recorder import Recorder

pytestmark = pytest.mark.needs(Can.GROUPS, Can.SETTLE, Can.REWIND)
ASSIGNED, REVOKED, POSITION = "eda.consumer.assigned", "eda.consumer.revoked", "eda.consumer.position"
SENT, READ, GONE = 7, 4, 2


@pytest.fixture(autouse=True)
def numbered(driver: Driver) -> None:
    if driver.system != "kafka":
        pytest.skip("its broker has no partitions")


def place(event: dict[str, Any]) -> dict[str, Any]:
    """Give what says whose partition an event is about."""
    names = ("system", "consumer.group.name", "destination.name", "destination.partition.id")
    return {name: event.get(f"messaging.{name}") for name in names}


def test_an_assignment_is_told_and_its_end(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.send()
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(driver.shapes[0], lambda _: None)
    expected = {
        "system": "kafka",
        "consumer.group.name": bus.destination,
        "destination.name": bus.destination,
        "destination.partition.id": "0",
    }
    assert [place(one) for one in recorder.events(ASSIGNED)] == [expected]
    assert recorder.events(REVOKED) == []
    assert [getattr(point, "value", None) for point in recorder.points("eda.consumer.poll.limit")] == [300]
    assert recorder.points("eda.consumer.unassigned.time")
    consumer.close()
    assert [place(one) for one in recorder.events(REVOKED)] in ([], [expected])  # not each client says so when it ends


@contextmanager
def taking_part(member: Consumer) -> Iterator[None]:
    """Have a member poll in a thread of its own: some wait in a poll until all have joined."""
    over = threading.Event()

    def poll() -> None:
        while not over.is_set():
            member.poll(0.2)

    with beside(poll, over.set):
        yield


def test_what_another_member_gets_is_revoked(bus: Bus, recorder: Recorder, driver: Driver, kafka: Kafka) -> None:
    topic = kafka.topic(2)

    def told(name: str) -> set[str]:
        return {one["messaging.destination.partition.id"] for one in recorder.events(name, topic)}

    with taking_part(bus.consumer(topic, group=topic)):
        until(lambda: told(ASSIGNED) == {"0", "1"}, "one to have both")
        assert told(REVOKED) == set()
        with taking_part(bus.consumer(topic, group=topic)):
            until(lambda: told(REVOKED), "one to be taken from it")


def test_how_far_a_consumer_is_is_told(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.send(*[Message()] * SENT)
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(driver.shapes[0], lambda _: None, READ)
    consumer.settle()
    consumer.rewind()
    consumer.consume(driver.shapes[0], lambda _: None, READ)
    recorder.metrics()
    consumer.close()
    last = recorder.events(POSITION, bus.destination)[-1]
    assert place(last)["destination.partition.id"] == "0"
    assert last["eda.partition.end"] == SENT
    assert READ <= last["eda.partition.next"] <= SENT
    assert last["eda.commit.offset"] == READ


def test_a_commit_is_told_where_the_position_stays(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.send(*[Message()] * READ)
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(driver.shapes[0], lambda _: None, READ)
    recorder.metrics()
    consumer.settle()
    consumer.close()
    assert recorder.events(POSITION, bus.destination)[-1].get("eda.commit.offset") == READ


def test_where_a_log_begins_is_told(bus: Bus, recorder: Recorder, driver: Driver, kafka: Kafka) -> None:
    if driver.name == "aiokafka":
        pytest.skip("the client reads it and forgets it")
    if not hasattr(AdminClient, "delete_records"):
        pytest.skip("the test's own client is too old to delete records")
    bus.send(*[Message()] * SENT)
    kafka.trim(bus.destination, GONE)
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(driver.shapes[0], lambda _: None, SENT - GONE)
    consumer.close()
    assert recorder.events(POSITION, bus.destination)[-1].get("eda.partition.start") in expected(driver)


def expected(driver: Driver) -> set[int | None]:
    """Give where the log begins; kafka-python asks for it since version 3."""
    import kafka

    older = driver.name == "kafka-python" and kafka.__version__ < "3"
    return {None} if older else {GONE}
