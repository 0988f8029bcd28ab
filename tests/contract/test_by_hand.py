"""`with otel_eda.process(message)`: exact where a loop cannot be, and possible where there is none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from drivers.base import PATIENCE, Can, Message, Shape
from opentelemetry import context
from support.spans import attribute, exceptions, failed, ids, links, parent, qualified

import otel_eda

if TYPE_CHECKING:
    from drivers.base import Consumer, Received
    from support.bus import Bus
    from support.recorder import Recorder

THREADS = 4


class BoomError(Exception):
    """What a body raises."""


def test_a_message_has_one_span(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)

    def body(received: Received) -> None:
        with otel_eda.process(received.native), recorder.tracer.start_as_current_span("work"):
            pass

    consumer.consume(shape, body, 3)
    consumer.close()
    processed = recorder.processes(3)
    assert [parent(span) for span in recorder.own("work")] == [ids(span) for span in processed]
    assert [parent(span) for span in processed] == [ids(span) for span in recorder.sends(3)]


def test_the_exception_is_exact(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)
    error = BoomError("boom")

    def body(received: Received) -> None:
        with pytest.raises(BoomError) as caught, otel_eda.process(received.native):
            raise error
        assert caught.value is error

    consumer.consume(shape, body, 2)
    consumer.close()
    for process in recorder.processes(2):
        assert failed(process)
        assert attribute(process, "error.type") == qualified(BoomError)
        assert exceptions(process) == [(qualified(BoomError), "boom")]


@pytest.mark.shapes(Shape.BATCH)
def test_what_was_copied_is_processed_once(bus: Bus, recorder: Recorder, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)
    before = context.get_current()
    for native in list(consumer.batch(3)):
        with otel_eda.process(native):
            assert len(recorder.open("process")) == 1
    assert not recorder.open()
    assert context.get_current() == before
    assert [parent(span) for span in recorder.processes(3)] == [ids(span) for span in recorder.sends(3)]
    assert {attribute(span, "eda.process.manual") for span in recorder.processes(3)} == {True}


@pytest.mark.needs(Can.HEADERS)
@pytest.mark.shapes(Shape.BATCH)
def test_workers_process_by_hand(bus: Bus, recorder: Recorder) -> None:
    bus.send(*[Message()] * THREADS)
    natives = list(bus.consumer().batch(THREADS))
    together = Barrier(THREADS, timeout=2 * PATIENCE)

    def work(native: object) -> None:
        with otel_eda.process(native):
            together.wait()
            with recorder.tracer.start_as_current_span("work"):
                together.wait()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, natives))
    processed, sent = recorder.processes(THREADS), [ids(span) for span in recorder.sends(THREADS)]
    assert sorted(links(span)[0] for span in processed) == sorted(sent)
    assert [parent(span) for span in processed] == [links(span)[0] for span in processed]
    assert {parent(span) for span in recorder.own("work")} == {ids(span) for span in processed}


@pytest.mark.needs(Can.HEADERS)
@pytest.mark.shapes(Shape.LOOP, Shape.BATCH)
def test_a_worker_takes_over_the_loops_span(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * THREADS)

    def work(native: object) -> None:
        with otel_eda.process(native), recorder.tracer.start_as_current_span("work"):
            pass

    with ThreadPoolExecutor(THREADS) as pool:
        consumer.consume(shape, lambda received: pool.submit(work, received.native), THREADS)
    consumer.close()
    processed = recorder.processes(THREADS)
    assert [parent(span) for span in processed] == [ids(span) for span in recorder.sends(THREADS)]
    assert sorted(filter(None, map(parent, recorder.own("work")))) == sorted(map(ids, processed))
