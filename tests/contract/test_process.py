"""A process span covers the application's code for one message, from its first line to its last."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import Can, Message, Shape
from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from support.bus import content
from support.recorder import recording
from support.spans import NOTHING, attribute, current, exceptions, failed, ids, links, parent, qualified

from otel_eda import config

if TYPE_CHECKING:
    from collections.abc import Generator

    from drivers.base import Consumer, Driver, Received
    from support.bus import Bus
    from support.recorder import Recorder
    from support.spans import Ids

EXACT = sys.version_info >= (3, 12)  # there the exception of a loop's body can be known
LOOPS = pytest.mark.shapes(Shape.LOOP, Shape.BATCH)


class BoomError(Exception):
    """What a body raises."""


@pytest.fixture
def consumer(bus: Bus) -> Consumer:
    return bus.consumer()


def turns(consumer: Consumer, shape: Shape, size: int) -> Any:
    """Give what a `for` runs over: the consumer, or one batch of that size."""
    return consumer.loop() if shape is Shape.LOOP else consumer.batch(size)


def test_each_message_has_one_process_span(bus: Bus, recorder: Recorder, shape: Shape, driver: Driver) -> None:
    bus.send(*[Message()] * 3)
    bus.received(shape, 3)
    spans = recorder.processes(3)
    assert {(span.kind, span.name) for span in spans} == {
        (SpanKind.CONSUMER, f"{driver.verbs.process} {bus.destination}")
    }


def test_the_span_is_current_in_the_body(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)
    seen: list[Ids] = []
    consumer.consume(shape, lambda _: seen.append(current()), 3)
    consumer.close()
    assert seen == [ids(span) for span in recorder.processes(3)]


def test_the_bodys_own_spans_are_children(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)

    def body(_: Received) -> None:
        for _turn in range(2):
            with recorder.tracer.start_as_current_span("work"):
                pass

    consumer.consume(shape, body, 2)
    consumer.close()
    first, second = (ids(span) for span in recorder.processes(2))
    assert [parent(span) for span in recorder.own("work")] == [first, first, second, second]


def test_it_ends_at_the_next_message(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)
    seen: list[Ids] = []

    def body(_: Received) -> None:
        recorder.processes(len(seen))
        seen.append((len(recorder.open("process")), len(recorder.open())))

    consumer.consume(shape, body, 3)
    assert seen == [(1, 1)] * 3


@LOOPS
def test_it_ends_at_break(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)
    seen: list[object] = []
    for native in turns(consumer, shape, 3):
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
        for native in turns(consumer, shape, 2):
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
        for native in turns(consumer, shape, 2):
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
def test_it_ends_at_settlement_where_messages_are_pulled(bus: Bus, recorder: Recorder) -> None:
    bus.send(*[Message()] * 2)
    consumer = bus.consumer(group=bus.destination)
    consumer.pull()
    assert len(recorder.open("process")) == 1
    consumer.settle()
    recorder.processes(1)
    assert current() == NOTHING


@LOOPS
def test_it_ends_at_an_exception(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 3)
    with pytest.raises(BoomError):  # noqa: PT012
        for _ in turns(consumer, shape, 3):
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
        for _ in turns(consumer, shape, 1):
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
    for native in turns(consumer, shape, 2):
        seen.append(native)
        if body(native) == "next" and len(seen) == 1:
            continue
        break
    assert {span.status.status_code for span in recorder.processes(2)} == {StatusCode.UNSET}


@LOOPS
def test_a_break_while_handling_is_no_failure(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)
    for _ in turns(consumer, shape, 2):
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
        for _ in turns(consumer, shape, 2):
            break
    [process] = recorder.processes(1)
    assert process.status.status_code is StatusCode.UNSET
    assert attribute(process, "error.type") is None


@LOOPS
def test_an_exception_after_the_loop_is_not_its(bus: Bus, recorder: Recorder, shape: Shape, consumer: Consumer) -> None:
    bus.send()

    def work() -> None:
        for _ in turns(consumer, shape, 1):
            break
        raise BoomError

    with pytest.raises(BoomError):
        work()
    assert recorder.processes(1)[0].status.status_code is StatusCode.UNSET


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


@pytest.mark.shapes(Shape.BATCH)
def test_copying_a_batch_is_not_processing(bus: Bus, recorder: Recorder, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)
    batch = consumer.batch(2)
    first, second = batch
    copies = [list(batch), sorted(batch, key=id), [*batch], tuple(batch), batch[:], batch[::-1], [batch[0], batch[1]]]
    assert all(len(copied) == 2 for copied in copies)
    assert (batch[0] is first, batch[-1] is second, first in batch, bool(batch)) == (True, True, True, True)
    assert batch == [first, second]
    recorder.receives(1)
    recorder.processes(0)
    assert not recorder.open()


@pytest.mark.shapes(Shape.BATCH)
def test_a_batch_is_what_the_library_gives(bus: Bus, driver: Driver) -> None:
    def given() -> list[object]:
        consumer = bus.consumer()
        result = consumer.some()
        assert isinstance(result, driver.batch_type)
        assert all(isinstance(batch, list) for batch in consumer.lists(result))
        return [content(consumer.read(native)) for batch in consumer.lists(result) for native in batch]

    bus.send(*[Message()] * 3)
    bare = given()
    with recording() as recorder:
        assert given() == bare
        recorder.receives(1)


@pytest.mark.shapes(Shape.BATCH)
def test_a_batch_iterated_twice_is_processed_twice(bus: Bus, recorder: Recorder, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)
    batch = consumer.batch(2)
    for _ in range(2):
        for _ in batch:
            pass
    sent = [ids(span) for span in recorder.sends(2)]
    assert [parent(span) for span in recorder.processes(4)] == sent * 2


@pytest.mark.needs(Can.KEYS)
def test_keys_are_the_same_at_both_ends(
    bus: Bus, recorder: Recorder, shape: Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "_current", replace(config.config(), capture_key="hash"))
    bus.send(Message(key=b"one"), Message(key=b"other"), Message())
    bus.received(shape, 3)
    sent, processed = (
        [attribute(span, "eda.message.key.hash") for span in spans]
        for spans in (recorder.sends(3), recorder.processes(3))
    )
    assert sent == processed
    assert len(set(sent)) == 3
    assert sent[2] is None


@pytest.mark.needs(Can.TOMBSTONES, Can.KEYS)
def test_tombstones_and_empty_values_arrive(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    given = [Message(None, b"key"), Message(b""), Message(b"", b""), Message(b"body", b"")]
    bus.send(*given)
    found = bus.received(shape, len(given))
    assert [(received.value, received.key) for received in found] == [(one.value, one.key) for one in given]
    tombstone = "messaging.kafka.message.tombstone"
    for spans in (recorder.sends(4), recorder.processes(4)):
        assert [attribute(span, tombstone) for span in spans] == [True, None, None, None]
