"""The parent of a process span is the message's sender or an ambient span, never the processing of another message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from drivers.base import Message, Shape
from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from support.spans import NOTHING, current, ids, links, parent

if TYPE_CHECKING:
    from drivers.base import Consumer
    from support.bus import Bus
    from support.recorder import Recorder
    from support.spans import Ids


def test_a_recording_ambient_span_is_the_parent(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send(*[Message()] * 2)
    with recorder.tracer.start_as_current_span("ambient"):
        bus.received(shape, 2)
    [ambient] = recorder.own("ambient")
    sent = recorder.sends(2)
    for process, send in zip(recorder.processes(2), sent, strict=True):
        assert parent(process) == ids(ambient)
        assert links(process) == [ids(send)]


def test_an_ambient_span_that_records_nothing_is_no_parent(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send()
    silent = NonRecordingSpan(SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(0)))
    with trace.use_span(silent):
        bus.received(shape)
    [send], [process] = recorder.sends(1), recorder.processes(1)
    assert parent(process) == ids(send)


def test_an_ended_ambient_span_is_no_parent(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send()
    ended = recorder.tracer.start_span("ambient")
    ended.end()
    with trace.use_span(ended):
        bus.received(shape)
    [send], [process] = recorder.sends(1), recorder.processes(1)
    assert parent(process) == ids(send)


def test_no_context_leaks(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)
    before = context.get_current()
    consumer.consume(shape, lambda _: None, 3)
    if shape is Shape.PULL:
        consumer.close()
    assert context.get_current() == before
    recorder.processes(3)


def test_the_ambient_context_is_back_after_the_loop(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send(*[Message()] * 3)
    with recorder.tracer.start_as_current_span("ambient") as ambient:
        before = context.get_current()
        bus.received(shape, 3)
        assert context.get_current() == before
        assert trace.get_current_span() is ambient
    recorder.processes(3)


def test_an_ended_span_is_never_a_parent(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    for _ in range(2):
        bus.send(destination=(destination := bus.make()))
        bus.received(shape, 1, destination)
        with recorder.tracer.start_as_current_span("after"):
            pass
    assert [parent(span) for span in recorder.own("after")] == [None, None]
    assert [parent(span) for span in recorder.processes(2)] == [ids(span) for span in recorder.sends(2)]


@pytest.mark.shapes(Shape.LOOP)
@pytest.mark.parametrize("ambient", [False, True], ids=["no ambient span", "ambient span"])
def test_interleaved_consumers_do_not_chain(bus: Bus, recorder: Recorder, ambient: bool) -> None:
    left, right = bus.make(), bus.make()
    for destination in (left, right):
        bus.send(*[Message()] * 3, destination=destination)
    consumers = bus.consumer(left), bus.consumer(right)
    before = context.get_current()
    around = recorder.tracer.start_span("ambient")
    with trace.use_span(around) if ambient else trace.use_span(trace.INVALID_SPAN):
        for turn, _ in enumerate(zip(*(consumer.loop() for consumer in consumers), strict=False)):
            if turn == 2:
                break
    around.end()
    assert not recorder.open()
    assert context.get_current() == before
    for destination in (left, right):
        sent, processed = recorder.sends(3, destination), recorder.processes(3, destination)
        parents = [ids(recorder.own("ambient")[0])] * 3 if ambient else [ids(span) for span in sent]
        assert [parent(span) for span in processed] == parents
        assert [links(span) for span in processed] == [[ids(span)] for span in sent]


@pytest.mark.shapes(Shape.PULL)
def test_alternating_pulls_do_not_chain(bus: Bus, recorder: Recorder) -> None:
    destinations = bus.make(), bus.make()
    for destination in destinations:
        bus.send(*[Message()] * 3, destination=destination)
    consumers = [bus.consumer(destination) for destination in destinations]
    for _ in range(3):
        for consumer in consumers:
            consumer.pull()
    for consumer in consumers:
        consumer.close()
    assert current() == NOTHING
    for destination in destinations:
        sent = [ids(span) for span in recorder.sends(3, destination)]
        assert [parent(span) for span in recorder.processes(3, destination)] == sent


@pytest.mark.shapes(Shape.LOOP)
def test_a_loop_in_a_loop(bus: Bus, recorder: Recorder) -> None:
    outer, inner = bus.make(), bus.make()
    for destination in (outer, inner):
        bus.send(*[Message()] * 2, destination=destination)
    within: list[tuple[Ids, Ids]] = []
    for _ in bus.consumer(outer).loop():
        before = current()
        bus.received(Shape.LOOP, 2, inner)
        within.append((before, current()))
        if len(within) == 2:
            break
    assert current() == NOTHING
    assert within == [(ids(span), ids(span)) for span in recorder.processes(2, outer)]
    sent = [ids(span) for span in recorder.sends(2, inner)]
    assert [links(span) for span in recorder.processes(4, inner)] == [[one] for one in sent * 2]
