"""What diagnosis goes by leaves as telemetry, from the real clients: what is not already held elsewhere."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import Can, Message, Shape
from support.spans import attribute

from otel_eda import config

if TYPE_CHECKING:
    from drivers.base import Driver
    from opentelemetry.sdk.trace import ReadableSpan
    from support.bus import Bus
    from support.recorder import Recorder

COUNT = 3
GROUP = "messaging.consumer.group.name"
REDELIVERED, REPROCESSED, SKIPPED = "eda.message.redelivered", "eda.message.reprocessed", "eda.message.skipped"
HISTORY = pytest.mark.needs(Can.GROUPS, Can.SETTLE, Can.REWIND)


class WorkError(Exception):
    pass


def offsets(driver: Driver) -> None:
    if "messaging.kafka.offset" not in driver.known:
        pytest.skip("its messages have no offsets")


def value(recorder: Recorder, metric: str, destination: str | None = None) -> Any:
    """Give a metric's only value."""
    (point,) = recorder.points(metric, destination)
    return getattr(point, "value", None)


def own(recorder: Recorder, metric: str, group: str) -> Any:
    """Give a metric's only value of a group: clients that other tests left may be alive."""
    (point,) = [one for one in recorder.points(metric) if (one.attributes or {}).get(GROUP) == group]
    return getattr(point, "value", None)


def facts(span: ReadableSpan) -> tuple[object, ...]:
    return tuple(attribute(span, name) for name in (REDELIVERED, REPROCESSED, SKIPPED))


@HISTORY
@pytest.mark.shapes(Shape.BATCH)
def test_what_the_ledger_knows_is_on_spans(bus: Bus, recorder: Recorder, driver: Driver, shape: Shape) -> None:
    offsets(driver)
    seen: list[object] = []

    def body(message: object) -> None:
        seen.append(message)
        if len(seen) == COUNT:
            raise WorkError

    bus.send(*[Message()] * COUNT)
    consumer = bus.consumer(group=bus.destination)
    with pytest.raises(WorkError):
        consumer.consume(shape, body, COUNT)
    consumer.settle()
    consumer.rewind()
    consumer.consume(shape, body, COUNT)
    consumer.close()
    assert attribute(recorder.settles(1)[0], "eda.commit.skipped") == 1
    nothing, again, recovered = (None, None, None), (True, True, None), (True, None, False)
    expected = [nothing] * COUNT + [again] * (COUNT - 1) + [recovered]
    assert [facts(span) for span in recorder.processes(2 * COUNT)] == expected


@HISTORY
def test_a_commit_that_goes_back_says_so(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    offsets(driver)
    bus.send(*[Message()] * COUNT)
    consumer = bus.consumer(group=bus.destination)
    for count in (COUNT, 1):
        consumer.rewind() if count == 1 else None
        consumer.consume(driver.shapes[0], lambda _: None, count)
        consumer.settle()
    back = [attribute(span, "eda.commit.regressed") for span in recorder.settles(2)]
    assert back == [None, True]


def test_what_is_at_work_is_measured(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    def body(_: object) -> None:
        assert value(recorder, "eda.consumer.in_flight", bus.destination) == 1
        assert 0 < value(recorder, "eda.consumer.in_flight_age", bus.destination) <= time.time() - began

    bus.send()
    began = time.time()
    consumer = bus.consumer()
    consumer.consume(shape, body)
    consumer.close()


@HISTORY
def test_a_consumers_life_is_measured(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    offsets(driver)
    bus.send()
    began = time.time()
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(driver.shapes[0], lambda _: None)
    assert own(recorder, "eda.consumer.partition.count", bus.destination) == 1
    assert own(recorder, "eda.consumer.assignments", bus.destination) >= 1
    assert 0 < own(recorder, "eda.consumer.poll.age", bus.destination) <= time.time() - began
    assert own(recorder, "eda.consumer.waiting.time", bus.destination) > 0


@pytest.mark.needs(Can.TIMES)
def test_ages_are_measured(bus: Bus, recorder: Recorder, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_current", replace(config.config(), message_age=True))
    bus.send()
    bus.received(driver.shapes[0])
    recorder.counted("eda.message.age", 1, bus.destination)


@pytest.mark.needs(Can.HOLD)
def test_sends_without_an_answer_are_measured(bus: Bus, recorder: Recorder) -> None:
    producer = bus.producer(hold=True)
    sending = producer.send(Message())
    assert value(recorder, "eda.producer.in_flight") == 1
    producer.flush()
    sending.wait()
    recorder.sends(1)
    assert value(recorder, "eda.producer.in_flight") == 0
