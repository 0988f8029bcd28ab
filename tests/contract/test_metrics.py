"""Metrics count every message, whatever becomes of its spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from drivers.base import Can, Message, Shape
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from support.recorder import count, recording, seconds
from support.spans import error_type, ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drivers.base import Driver
    from opentelemetry.sdk.trace.sampling import Sampler
    from support.bus import Bus
    from support.recorder import Point, Recorder

OPERATION, PROCESS = "messaging.client.operation.duration", "messaging.process.duration"
SENT, CONSUMED = "messaging.client.sent.messages", "messaging.client.consumed.messages"
QUEUE = "eda.queue.duration"
SAMPLERS = pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF], ids=["sampled", "sampled out"])
COUNT = 3


def of(points: list[Point], operation: str) -> list[Point]:
    """Choose the points of an operation."""
    return [point for point in points if (point.attributes or {}).get("messaging.operation.name") == operation]


def errors(points: list[Point]) -> list[object]:
    """Give the points' error types."""
    return [(point.attributes or {}).get("error.type") for point in points]


def exemplars(points: Iterable[Any]) -> list[object]:
    """Give trace and span id of the points' exemplars."""
    return [(exemplar.trace_id, exemplar.span_id) for point in points for exemplar in point.exemplars]


@SAMPLERS
def test_every_message_is_counted(bus: Bus, shape: Shape, driver: Driver, sampler: Sampler) -> None:
    with recording(sampler=sampler) as recorder:
        bus.send(*[Message()] * COUNT)
        bus.received(shape, COUNT)
        recorder.counted(SENT, COUNT)
        recorder.counted(CONSUMED, COUNT)
        recorder.counted(PROCESS, COUNT)
        recorder.counted(QUEUE, COUNT if Can.TIMES in driver.can else 0)
        assert sum(map(count, of(recorder.points(OPERATION), driver.verbs.send))) == COUNT


@SAMPLERS
@pytest.mark.shapes(Shape.BATCH)
def test_a_batch_is_one_pull_of_several_messages(bus: Bus, driver: Driver, sampler: Sampler) -> None:
    with recording(sampler=sampler) as recorder:
        bus.send(*[Message()] * COUNT)
        consumer = bus.consumer()
        consumer.batch(COUNT)
        recorder.counted(CONSUMED, COUNT)
        [pull] = of(recorder.points(OPERATION, bus.destination), driver.verbs.receive)
        assert count(pull) == 1
        recorder.counted(PROCESS, 0)


def test_success_has_no_error_type(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send()
    bus.received(shape)
    for metric in (SENT, CONSUMED, PROCESS):
        assert errors(recorder.counted(metric, 1)) == [None]
    assert set(errors(recorder.points(OPERATION))) == {None}


@SAMPLERS
@pytest.mark.needs(Can.ACKS, Can.REFUSALS)
def test_a_delivery_failure_has_its_error_type(bus: Bus, driver: Driver, sampler: Sampler) -> None:
    with recording(sampler=sampler) as recorder:
        pending = bus.producer().send(driver.refused())
        with pytest.raises(Exception) as caught:  # noqa: PT011
            pending.wait()
        assert errors(recorder.counted(OPERATION, 1)) == [error_type(caught.value)]
        assert errors(recorder.counted(SENT, 1)) == [error_type(caught.value)]


@SAMPLERS
@pytest.mark.shapes(Shape.LOOP, Shape.BATCH, Shape.CALLBACK)
def test_a_failed_body_has_an_error_type(bus: Bus, shape: Shape, sampler: Sampler) -> None:
    def body(_: object) -> None:
        raise RuntimeError

    with recording(sampler=sampler) as recorder:
        bus.send()
        consumer = bus.consumer()
        with pytest.raises(RuntimeError):
            consumer.consume(shape, body)
        [found] = errors(recorder.counted(PROCESS, 1))
        assert found in {"RuntimeError", "_OTHER"}


def test_an_open_producer_is_observed_without_complaint(bus: Bus, driver: Driver) -> None:
    with recording() as recorder:
        bus.producer().send(Message()).wait()
        recorder.sends(1)
        assert recorder.count(SENT) == 1


@SAMPLERS
@pytest.mark.needs(Can.SETTLE)
def test_settling_is_timed(bus: Bus, driver: Driver, sampler: Sampler) -> None:
    with recording(sampler=sampler) as recorder:
        bus.send()
        consumer = bus.consumer(group=bus.destination)
        consumer.consume(driver.shapes[0], lambda _: None)
        consumer.settle()
        assert [count(point) for point in of(recorder.points(OPERATION), driver.verbs.settle)] == [1]


def test_durations_are_those_of_the_spans(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.send()
    bus.received(driver.shapes[0])
    spans = {OPERATION: recorder.sends(1)[0], PROCESS: recorder.processes(1)[0]}
    names = {OPERATION: driver.verbs.send, PROCESS: driver.verbs.process}
    for metric, span in spans.items():
        [point] = of(recorder.points(metric), names[metric])
        assert span.start_time is not None
        assert span.end_time is not None
        assert seconds(point) == pytest.approx((span.end_time - span.start_time) / 1e9)


def test_a_slow_bucket_leads_to_its_trace(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.send()
    bus.received(driver.shapes[0])
    [sent], [processed] = recorder.sends(1), recorder.processes(1)
    found = recorder.metrics()  # once: what is collected next has other exemplars
    assert exemplars(of(cast("list[Point]", found[OPERATION].data.data_points), driver.verbs.send)) == [ids(sent)]
    for name in {PROCESS, QUEUE} & set(found):
        assert exemplars(found[name].data.data_points) == [ids(processed)]


@pytest.mark.needs(Can.TIMES)
def test_queue_time_is_from_the_broker_to_the_body(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.send()
    bus.received(driver.shapes[0])
    [point] = recorder.counted(QUEUE, 1, bus.destination)
    [send], [process] = recorder.sends(1), recorder.processes(1)
    assert send.start_time is not None
    assert process.start_time is not None
    # Brokers keep milliseconds.
    assert 0 <= seconds(point) <= (process.start_time - send.start_time) / 1e9 + 0.002
