"""Settling is a span of its own, and is none of the processing's business."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from drivers.base import Can, Message, Shape
from opentelemetry.trace import SpanKind, get_current_span
from support.spans import attribute, error_type, failed, ids, parent

if TYPE_CHECKING:
    from drivers.base import Driver, Received
    from support.bus import Bus
    from support.recorder import Recorder

pytestmark = pytest.mark.needs(Can.SETTLE)


def test_settling_has_a_span(bus: Bus, recorder: Recorder, driver: Driver, shape: Shape) -> None:
    bus.send(*[Message()] * 2)
    consumer = bus.consumer(group=bus.destination)
    consumer.consume(shape, lambda _: None, 2)
    consumer.settle()
    [settle] = recorder.settles(1)
    assert (settle.kind, settle.name) == (SpanKind.CLIENT, f"{driver.verbs.settle} {bus.destination}")
    assert not failed(settle)
    if shape is not Shape.PULL:  # there it may belong to the processing that it ends
        assert parent(settle) is None


@pytest.mark.needs(Can.SETTLE_LATER)
def test_settling_without_waiting_has_a_span(bus: Bus, recorder: Recorder) -> None:
    bus.send()
    consumer = bus.consumer(group=bus.destination)
    consumer.pull()
    consumer.settle_later()
    [settle] = recorder.settles(1)
    assert settle.kind is SpanKind.CLIENT
    assert not failed(settle)


@pytest.mark.shapes(Shape.LOOP, Shape.BATCH, Shape.CALLBACK)
def test_settling_in_the_body_is_part_of_it(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send(*[Message()] * 2)
    consumer = bus.consumer(group=bus.destination)

    def body(_: Received) -> None:
        consumer.settle()
        current = get_current_span().get_span_context()
        assert (current.trace_id, current.span_id) in [ids(span) for span in recorder.open("process")]
        with recorder.tracer.start_as_current_span("after"):
            pass

    consumer.consume(shape, body, 2)
    # Callbacks may run at the same time.
    processed = {ids(span) for span in recorder.processes(2)}
    assert {parent(span) for span in recorder.settles(2)} == processed
    assert {parent(span) for span in recorder.own("after")} == processed


def test_a_failure_to_settle_is_recorded(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    consumer, settle_badly = driver.bad_settle(bus.address, bus.destination)
    bus.keep(consumer)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        settle_badly()
    [settle] = recorder.settles(1)
    assert (failed(settle), attribute(settle, "error.type")) == (True, error_type(caught.value))
