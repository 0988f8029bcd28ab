"""Lag is what the broker says, though the instrumentation has not asked it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is documented so
from drivers.base import Can, Message
from support.waiting import until

if TYPE_CHECKING:
    from brokers.kafka import Kafka
    from drivers.base import Driver
    from support.bus import Bus
    from support.recorder import Recorder

pytestmark = pytest.mark.needs(Can.GROUPS, Can.SETTLE, Can.REWIND)
SENT, READ = 7, 4


@pytest.fixture(autouse=True)
def numbered(driver: Driver) -> None:
    if driver.system != "kafka":
        pytest.skip("its broker keeps no lag")


def lag(recorder: Recorder, bus: Bus) -> int | None:
    """Give what is measured, None as long as nothing is."""
    points = recorder.points("eda.consumer.lag", bus.destination)
    return next((getattr(point, "value", None) for point in points), None)


def told(kafka: Kafka, group: str) -> int:
    """Give what the broker says, as its own tool for groups computes it: the ends less what is committed."""
    admin = AdminClient({"bootstrap.servers": kafka.address})
    [found] = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    committed = {(at.topic, at.partition): at.offset for at in found.result(30).topic_partitions}
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    ends = admin.list_offsets(dict.fromkeys(found.result().topic_partitions, latest))
    return sum(end.result(30).offset - committed[at.topic, at.partition] for at, end in ends.items())


def test_lag_is_what_the_broker_says(bus: Bus, recorder: Recorder, driver: Driver, kafka: Kafka) -> None:
    shape = driver.shapes[0]
    bus.send(*[Message()] * SENT)
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(shape, lambda _: None, READ)
    consumer.settle()
    consumer.rewind()  # so that whatever was fetched ahead is nobody's
    consumer.consume(shape, lambda _: None, READ)
    until(lambda: lag(recorder, bus) == SENT - READ, "the lag of what was read")
    assert told(kafka, bus.destination) == SENT - READ
    consumer.consume(shape, lambda _: None, SENT - READ)
    consumer.settle()
    until(lambda: lag(recorder, bus) == 0, "no lag")
    assert told(kafka, bus.destination) == 0


def test_lag_has_an_age(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    shape = driver.shapes[0]
    bus.send(*[Message()] * SENT)
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(shape, lambda _: None, READ)
    [point] = recorder.points("eda.consumer.lag.time", bus.destination)
    assert 0 <= getattr(point, "value", -1) < 60
