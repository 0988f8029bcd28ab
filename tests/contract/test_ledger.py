"""The ledger's counts are the truth that the test knows, for every transport that numbers its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from drivers.base import Can, Message, Shape
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from support.recorder import recording

if TYPE_CHECKING:
    from drivers.base import Driver, Received
    from support.bus import Bus
    from support.recorder import Recorder

pytestmark = pytest.mark.needs(Can.GROUPS, Can.SETTLE, Can.REWIND)
COUNT = 4
FACTS = ("redelivered", "reprocessed", "out_of_order", "skipped", "recovered")


class WorkError(Exception):
    pass


def facts(recorder: Recorder, bus: Bus) -> dict[str, int]:
    """Give what was counted for the destination, but zeros."""
    counts = {name: recorder.count(f"eda.{name}.messages", bus.destination) for name in FACTS}
    counts["regressions"] = recorder.count("eda.commit.regressions", bus.destination)
    return {name: count for name, count in counts.items() if count}


@pytest.fixture(autouse=True)
def numbered(driver: Driver) -> None:
    if "messaging.kafka.offset" not in driver.known:
        pytest.skip("its messages have no offsets")


def test_quiet_where_all_is_well(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send(*[Message()] * COUNT)
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(shape, lambda _: None, COUNT)
    consumer.settle()
    consumer.settle()
    assert facts(recorder, bus) == {}


def test_a_rewind_reprocesses(bus: Bus, shape: Shape) -> None:
    with recording(sampler=ALWAYS_OFF) as recorder:
        bus.send(*[Message()] * COUNT)
        consumer = bus.consumer(group=bus.destination)
        consumer.consume(shape, lambda _: None, COUNT)
        consumer.settle()
        consumer.rewind()
        consumer.consume(shape, lambda _: None, COUNT)
        consumer.close()
        assert facts(recorder, bus) == {"reprocessed": COUNT}


@pytest.mark.shapes(Shape.LOOP, Shape.BATCH)
def test_what_failed_is_skipped_by_a_commit_and_recovered_by_a_rewind(bus: Bus, shape: Shape) -> None:
    seen = []

    def body(_: Received) -> None:
        seen.append(1)
        if len(seen) == COUNT:
            raise WorkError

    with recording(sampler=ALWAYS_OFF) as recorder:
        bus.send(*[Message()] * COUNT)
        consumer = bus.consumer(group=bus.destination)
        with pytest.raises(WorkError):
            consumer.consume(shape, body, COUNT)
        assert facts(recorder, bus) == {}
        consumer.settle()
        assert facts(recorder, bus) == {"skipped": 1}
        consumer.rewind()
        consumer.consume(shape, body, COUNT)
        consumer.close()
        assert facts(recorder, bus) == {
            "skipped": 1,
            "redelivered": 1,
            "reprocessed": COUNT - 1,
            "recovered": 1,
        }
