"""Lag is what the broker says, though the instrumentation has not asked it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is documented so
from drivers.base import PATIENCE, Can, Message
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from brokers.kafka import Kafka
    from drivers.base import Consumer, Driver
    from support.bus import Bus
    from support.recorder import Recorder

pytestmark = pytest.mark.needs(Can.GROUPS, Can.SETTLE, Can.REWIND)
SENT, READ = 7, 4


@pytest.fixture(autouse=True)
def numbered(driver: Driver) -> None:
    if driver.system != "kafka":
        pytest.skip("its broker keeps no lag")


def until_measured(
    recorder: Recorder, bus: Bus, metric: str, fits: Callable[[float], bool], again: Callable[[], object]
) -> None:
    """Wait for a value that fits; a group that joins once more has no position before it is handed messages again."""

    def measured() -> bool:
        points = recorder.points(metric, bus.destination)
        value = next((getattr(point, "value", None) for point in points), None)
        if value is None:
            again()
        return value is not None and fits(value)

    until(measured, metric, PATIENCE)


def reading(consumer: Consumer, driver: Driver, count: int) -> Callable[[], None]:
    """Give what has a consumer handed so many messages from the beginning; what it had fetched ahead is nobody's."""

    def read() -> None:
        consumer.rewind()
        consumer.consume(driver.shapes[0], lambda _: None, count)

    return read


def told(kafka: Kafka, group: str) -> int:
    """Give what the broker says, as its own tool for groups computes it: the ends less what is committed."""
    admin = AdminClient({"bootstrap.servers": kafka.address})
    [found] = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    committed = {(at.topic, at.partition): at.offset for at in found.result(30).topic_partitions}
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    ends = admin.list_offsets(dict.fromkeys(found.result().topic_partitions, latest))
    return sum(end.result(30).offset - committed[at.topic, at.partition] for at, end in ends.items())


def test_lag_is_what_the_broker_says(bus: Bus, recorder: Recorder, driver: Driver, kafka: Kafka) -> None:
    bus.send(*[Message()] * SENT)
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(driver.shapes[0], lambda _: None, READ)
    consumer.settle()
    read = reading(consumer, driver, READ)
    read()
    until_measured(recorder, bus, "eda.consumer.lag", lambda lag: lag == SENT - READ, read)
    assert told(kafka, bus.destination) == SENT - READ
    read = reading(consumer, driver, SENT)
    read()
    consumer.settle()
    until_measured(recorder, bus, "eda.consumer.lag", lambda lag: lag == 0, read)
    assert told(kafka, bus.destination) == 0


def test_lag_has_an_age(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    began = time.time()
    bus.send(*[Message()] * SENT)
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(driver.shapes[0], lambda _: None, READ)
    again = reading(consumer, driver, READ)
    until_measured(recorder, bus, "eda.consumer.lag_time", lambda age: 0 < age < time.time() - began + 1, again)
