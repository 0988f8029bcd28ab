"""An exception that leaves the application's code is recorded on the message's process span, and no other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import Message, Shape
from opentelemetry.trace import StatusCode
from support.spans import NOTHING, attribute, current, exceptions, failed, qualified

from contract.bodies import LOOPS, messages
from otel_eda import semconv

if TYPE_CHECKING:
    from drivers.base import Consumer, Received
    from support.bus import Bus
    from support.recorder import Recorder

EXACT = sys.version_info >= (3, 12)  # there the exception of a loop's body can be known


class BoomError(Exception):
    """What a body raises."""


@LOOPS
def test_it_ends_at_an_exception(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)
    with pytest.raises(BoomError):  # noqa: PT012
        for _ in messages(consumer, shape, 3):
            raise BoomError
    assert not recorder.open()
    recorder.processes(1)
    assert current() == NOTHING


@pytest.mark.shapes(Shape.LOOP, Shape.BATCH, Shape.CALLBACK)
@pytest.mark.parametrize("kind", [BoomError, ValueError, KeyError, SystemExit, KeyboardInterrupt])
def test_the_bodys_exception_is_recorded(
    bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer, kind: type[BaseException]
) -> None:
    bus.send(*[Message()] * 2)
    error, seen = kind("boom"), list[object]()

    def body(received: Received) -> None:
        seen.append(received)
        if len(seen) == 2:
            raise error

    with pytest.raises(kind) as caught:
        consumer.consume(shape, body, 2)
    assert caught.value is error
    good, bad = recorder.processes(2)
    assert (failed(good), attribute(good, "error.type"), exceptions(good)) == (False, None, [])
    if (EXACT or shape is Shape.CALLBACK) and kind in {SystemExit, KeyboardInterrupt}:
        # What ends the program is no failure of the message.
        assert (failed(bad), attribute(bad, semconv.ABANDONED)) == (False, True)
        return
    assert failed(bad)
    if EXACT or shape is Shape.CALLBACK:
        assert attribute(bad, "error.type") == qualified(kind)
        assert exceptions(bad) == [(qualified(kind), str(error))]
    else:
        assert attribute(bad, "error.type") in {"_OTHER", qualified(kind)}


@LOOPS
def test_an_exception_keeps_its_traceback(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send()
    with pytest.raises(BoomError) as caught:  # noqa: PT012
        for _ in messages(consumer, shape, 1):
            raise BoomError
    assert [entry.name for entry in caught.traceback] == [test_an_exception_keeps_its_traceback.__name__]
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    recorder.processes(1)


def _handled(_: object) -> str:
    try:
        raise BoomError
    except BoomError:
        return "next"


def _skipped(_: object) -> str:
    try:
        return "next"
    finally:
        pass


@LOOPS
@pytest.mark.parametrize("body", [_handled, _skipped])
def test_a_handled_exception_is_no_failure(
    bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer, body: Any
) -> None:
    bus.send(*[Message()] * 2)
    seen: list[object] = []
    for native in messages(consumer, shape, 2):
        seen.append(native)
        if body(native) == "next" and len(seen) == 1:
            continue
        break
    assert {span.status.status_code for span in recorder.processes(2)} == {StatusCode.UNSET}


@LOOPS
def test_a_break_while_handling_is_no_failure(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)
    for _ in messages(consumer, shape, 2):
        try:
            raise BoomError
        except BoomError:  # noqa: PERF203
            break
    [process] = recorder.processes(1)
    assert process.status.status_code is StatusCode.UNSET
    assert attribute(process, "error.type") is None


@LOOPS
def test_a_loop_in_a_handler_is_no_failure(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)
    try:
        raise BoomError
    except BoomError:
        for _ in messages(consumer, shape, 2):
            break
    [process] = recorder.processes(1)
    assert process.status.status_code is StatusCode.UNSET
    assert attribute(process, "error.type") is None


@LOOPS
def test_an_exception_after_the_loop_is_not_its(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send()

    def work() -> None:
        for _ in messages(consumer, shape, 1):
            break
        raise BoomError

    with pytest.raises(BoomError):
        work()
    assert recorder.processes(1)[0].status.status_code is StatusCode.UNSET
