"""A process span ends where the application is done with the message, however it leaves the loop."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import Can, Message, Shape
from support.spans import NOTHING, current, failed

from contract.bodies import LOOPS, messages

if TYPE_CHECKING:
    from collections.abc import Generator

    from drivers.base import Consumer, Received
    from support.bus import Bus
    from support.recorder import Recorder


def test_it_ends_at_the_next_message(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)
    seen: list[tuple[int, int]] = []

    def body(_: Received) -> None:
        recorder.processes(len(seen))
        seen.append((len(recorder.open("process")), len(recorder.open())))

    consumer.consume(shape, body, 3)
    assert seen == [(1, 1)] * 3


@LOOPS
def test_it_ends_at_break(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)
    seen: list[object] = []
    for native in messages(consumer, shape, 3):
        seen.append(native)
        if len(seen) == 2:
            break
    assert not recorder.open()
    assert [failed(span) for span in recorder.processes(2)] == [False, False]
    assert current() == NOTHING


@pytest.mark.shapes(Shape.LOOP)
@pytest.mark.parametrize(
    "wrap", [enumerate, zip, lambda loop: itertools.islice(loop, 9)], ids=["enumerate", "zip", "islice"]
)
def test_it_ends_at_break_from_a_wrapped_loop(bus: Bus, recorder: Recorder, consumer: Consumer, wrap: Any) -> None:
    bus.send(*[Message()] * 3)
    seen: list[object] = []
    for given in wrap(consumer.loop()):
        seen.append(given)
        assert len(recorder.open("process")) == 1
        if len(seen) == 2:
            break
    assert not recorder.open()
    assert [failed(span) for span in recorder.processes(2)] == [False, False]
    assert current() == NOTHING


@LOOPS
def test_it_ends_at_return(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)

    def first() -> Any:
        for native in messages(consumer, shape, 2):
            return native
        return None

    assert first() is not None
    assert not recorder.open()
    assert [failed(span) for span in recorder.processes(1)] == [False]
    assert current() == NOTHING


@LOOPS
def test_it_ends_when_a_generator_is_given_up(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)

    def values() -> Generator[object]:
        for native in messages(consumer, shape, 2):
            yield consumer.read(native).value

    given = values()
    assert next(given) == b"body"
    given.close()
    assert not recorder.open()
    recorder.processes(1)
    assert current() == NOTHING


@pytest.mark.shapes(Shape.BATCH)
def test_it_ends_at_the_end_of_a_batch(bus: Bus, recorder: Recorder, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)
    for _ in consumer.batch(3):
        pass
    assert not recorder.open()
    recorder.processes(3)
    assert current() == NOTHING


@pytest.mark.shapes(Shape.LOOP)
def test_it_ends_when_no_more_messages_come(bus: Bus, recorder: Recorder) -> None:
    bus.send(*[Message()] * 3)
    for _ in bus.consumer(patience=2).loop():
        pass
    assert not recorder.open()
    assert [failed(span) for span in recorder.processes(3)] == [False] * 3
    assert current() == NOTHING


@pytest.mark.shapes(Shape.LOOP, Shape.PULL)
def test_it_ends_at_close(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)
    kept = iter(consumer.loop()) if shape is Shape.LOOP else None
    _ = next(kept) if kept is not None else consumer.pull()
    assert len(recorder.open("process")) == 1
    consumer.close()
    assert not recorder.open()
    assert [failed(span) for span in recorder.processes(1)] == [False]
    assert current() == NOTHING


@pytest.mark.needs(Can.SETTLE)
@pytest.mark.shapes(Shape.PULL)
def test_it_goes_on_after_a_settlement_where_messages_are_pulled(bus: Bus, recorder: Recorder) -> None:
    bus.send(*[Message()] * 2)
    consumer = bus.consumer(group=bus.destination)
    consumer.pull()
    assert len(recorder.open("process")) == 1
    consumer.settle()
    assert len(recorder.open("process")) == 1
    consumer.pull()
    recorder.processes(1)
    consumer.close()
    assert current() == NOTHING
