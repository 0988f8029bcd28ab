"""The producer's context arrives where the message is processed; headers stay the application's."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
from drivers.base import By, Can, Message
from opentelemetry import baggage, context, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, TraceState
from support.bus import pairs
from support.recorder import recording
from support.spans import ids, links, parent, told, traceparent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.base import Driver, Pairs, Producer, Received, Shape
    from support.bus import Bus
    from support.recorder import Recorder
    from support.spans import Ids

HEADERS = pytest.mark.needs(Can.HEADERS)

FIRST: Ids = (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)
SECOND: Ids = (0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)
INVALID = {
    "empty": b"",
    "not UTF-8": b"\xff\xfe\x00\x80",
    "not ASCII": "00-\u0966af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".encode(),
    "all zero": traceparent((0, 0)),
    "cut short": traceparent(FIRST)[:40],
    "version ff": b"ff" + traceparent(FIRST)[2:],
    "1 MB": b"0" * 1_000_000,
}


@pytest.fixture
def remote() -> Iterator[SpanContext]:
    """A context from elsewhere, with vendor state, is current."""
    sampled = TraceFlags(TraceFlags.SAMPLED)
    far = SpanContext(*FIRST, is_remote=True, trace_flags=sampled, trace_state=TraceState([("vendor", "1")]))
    token = context.attach(trace.set_span_in_context(NonRecordingSpan(far)))
    yield far
    context.detach(token)


def kept(bus: Bus, received: Received, given: Pairs) -> list[tuple[str, bytes | None]]:
    """Give those of a message's headers that are to be the given ones; in their order, if headers have one."""
    found = pairs(received.headers)
    return found[: len(given)] if Can.ORDER in bus.driver.can else [pair for pair in given if pair in found]


def test_the_context_arrives(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send()
    bus.received(shape)
    [send], [process] = recorder.sends(1), recorder.processes(1)
    assert parent(process) == ids(send)
    assert links(process) == [ids(send)]


def test_one_trace_runs_through_a_chain(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    first, second = bus.make(), bus.make()
    bus.send(destination=first)
    onward = bus.courier(second)
    consumer = bus.consumer(first)
    consumer.consume(shape, lambda received: onward.send(Message(received.value)).wait())
    consumer.close()
    bus.received(shape, 1, second)
    [start, forward], [relay, end] = recorder.sends(2), recorder.processes(2)
    assert [parent(span) for span in (start, relay, forward, end)] == [None, ids(start), ids(relay), ids(forward)]


def test_each_message_brings_its_own_context(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send(*[Message()] * 3)
    bus.received(shape, 3)
    assert [links(span) for span in recorder.processes(3)] == [[ids(send)] for send in recorder.sends(3)]


def test_baggage_arrives(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    token = context.attach(baggage.set_baggage("customer", "7, ü"))
    bus.send()
    context.detach(token)
    seen: list[object] = []
    bus.consumer().consume(shape, lambda _: seen.append(baggage.get_baggage("customer")))
    assert seen == ["7, ü"]


def test_trace_state_arrives(bus: Bus, recorder: Recorder, shape: Shape, remote: SpanContext) -> None:
    bus.send()
    seen: list[str | None] = []
    blank = context.attach(context.Context())
    consumer = bus.consumer()
    consumer.consume(
        shape, lambda _: seen.append(trace.get_current_span().get_span_context().trace_state.get("vendor"))
    )
    consumer.close()
    context.detach(blank)
    assert seen == ["1"]


@HEADERS
@pytest.mark.parametrize("by", By, ids=lambda by: by.value)
def test_existing_headers_are_kept(bus: Bus, recorder: Recorder, by: By, driver: Driver) -> None:
    given = [("b", b"2"), ("a", b"1"), ("empty", b""), ("binary", b"\x00\xff")]
    bus.producer().send(bus.message(*given), by).wait()
    [received] = bus.received(driver.shapes[0])
    assert kept(bus, received, given) == given
    assert [told(value) for value in received.header("traceparent")] == [ids(recorder.sends(1)[0])]


@HEADERS
@pytest.mark.needs(Can.REPEATED_HEADERS)
def test_repeated_headers_are_kept(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    given = [("a", b"2"), ("a", b"1"), ("a", b"2")]
    bus.send(bus.message(*given))
    [received] = bus.received(shape)
    assert kept(bus, received, given) == given
    assert links(recorder.processes(1)[0]) == [ids(recorder.sends(1)[0])]


@HEADERS
@pytest.mark.parametrize("by", By, ids=lambda by: by.value)
def test_the_callers_headers_are_untouched(bus: Bus, recorder: Recorder, by: By) -> None:
    message = bus.message(("a", b"1"))
    before, elements = copy.deepcopy(message.headers), [id(element) for element in message.headers]
    bus.producer().send(message, by).wait()
    assert message.headers == before
    assert [id(element) for element in message.headers] == elements
    recorder.sends(1)


@HEADERS
def test_the_callers_headers_can_be_used_again(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send(*[bus.message(("a", b"1"))] * 3)
    found = bus.received(shape, 3)
    sent = [ids(span) for span in recorder.sends(3)]
    assert [[told(value) for value in received.header("traceparent")] for received in found] == [[one] for one in sent]
    assert [parent(span) for span in recorder.processes(3)] == sent


@HEADERS
def test_a_callers_own_traceparent_is_respected(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    given = [("traceparent", traceparent(FIRST)), ("a", b"1")]
    bus.send(bus.message(*given))
    [received] = bus.received(shape)
    [send], [process] = recorder.sends(1), recorder.processes(1)
    assert (kept(bus, received, given), len(received.headers)) == (given, len(given))
    assert (send.kind, links(send)) == (SpanKind.CLIENT, [FIRST])
    assert (parent(process), links(process)) == (FIRST, [FIRST])


@pytest.mark.needs(Can.REPEATED_HEADERS)
@pytest.mark.parametrize("value", INVALID.values(), ids=INVALID)
def test_a_callers_invalid_traceparent_is_outvoted(bus: Bus, recorder: Recorder, value: bytes, driver: Driver) -> None:
    bus.send(bus.message(("traceparent", value)))
    [received] = bus.received(driver.shapes[0])
    [send], [process] = recorder.sends(1), recorder.processes(1)
    assert received.header("traceparent")[0] == value
    assert (send.kind, links(send)) == (SpanKind.PRODUCER, [])
    assert parent(process) == ids(send)


@pytest.mark.needs(Can.REPEATED_HEADERS)
@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([traceparent(FIRST), traceparent(SECOND)], SECOND),
        ([traceparent(SECOND), traceparent(FIRST)], FIRST),
        ([traceparent(FIRST), b"\xff"], FIRST),
        ([b"\xff", traceparent(SECOND), b"", b"00-"], SECOND),
    ],
    ids=["second", "first", "first, for the second is invalid", "the only valid one"],
)
def test_the_last_valid_traceparent_counts(
    bus: Bus, recorder: Recorder, values: list[bytes], counts: Ids, driver: Driver
) -> None:
    with suppress_instrumentation():
        bus.send(bus.message(*[("traceparent", value) for value in values]))
    bus.received(driver.shapes[0])
    [process] = recorder.processes(1)
    assert (parent(process), links(process)) == (counts, [counts])


def test_a_message_without_context_starts_a_trace(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    with suppress_instrumentation():
        bus.send()
    bus.received(shape)
    [process] = recorder.processes(1)
    assert (parent(process), links(process)) == (None, [])


@HEADERS
def test_the_cloudevents_extension_is_read(bus: Bus, recorder: Recorder, shape: Shape, driver: Driver) -> None:
    with suppress_instrumentation():
        bus.send(bus.message((driver.cloudevents, traceparent(FIRST))))
    bus.received(shape)
    assert links(recorder.processes(1)[0]) == [FIRST]


@HEADERS
def test_the_transports_headers_precede_cloudevents(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    with suppress_instrumentation():
        headers = [(driver.cloudevents, traceparent(FIRST)), ("traceparent", traceparent(SECOND))]
        bus.send(bus.message(*headers))
    bus.received(driver.shapes[0])
    assert links(recorder.processes(1)[0]) == [SECOND]


@HEADERS
@pytest.mark.parametrize("name", ["traceparent", "tracestate", "baggage", "blob"])
def test_broken_headers_break_nothing(bus: Bus, recorder: Recorder, name: str, shape: Shape) -> None:
    invalid = {case: value for case, value in INVALID.items() if len(value) <= bus.driver.longest}
    given = [bus.message((name, value), value=case.encode()) for case, value in invalid.items()]
    bus.send(*given)
    found = bus.received(shape, len(given))
    assert [received.value for received in found] == [message.value for message in given]
    if Can.REPEATED_HEADERS in bus.driver.can or name != "traceparent":  # else it makes room for ours
        assert [received.header(name)[0] for received in found] == list(invalid.values())
    sent = recorder.sends(len(given))
    assert [parent(span) for span in recorder.processes(len(given))] == [ids(span) for span in sent]


def _outcome(producer: Producer, message: Message) -> object:
    try:
        producer.send(message).wait()
    except Exception as error:
        return (type(error), error.args)
    return "sent"


def _outcomes(bus: Bus) -> dict[str, object]:
    """Send every hostile kind of headers, each as itself; tell what came of it."""
    destination, outcomes = bus.make(), dict[str, object]()
    producer = bus.producer(destination)
    for case, headers in bus.driver.hostile().items():
        outcomes[case] = _outcome(producer, Message(case.encode(), headers=headers))
    sent = [case for case, outcome in outcomes.items() if outcome == "sent"]
    for received in bus.received(bus.driver.shapes[0], len(sent), destination) if sent else ():
        outcomes[(received.value or b"").decode()] = [pair for pair in received.headers if pair[0] != "traceparent"]
    return outcomes


@HEADERS
def test_hostile_headers_fare_as_without_us(bus: Bus) -> None:
    bare = _outcomes(bus)
    with recording() as recorder:
        assert _outcomes(bus) == bare
        assert recorder.ours()


@pytest.mark.needs(Can.NULL_HEADERS)
def test_null_headers_break_nothing(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    given = [("traceparent", None), ("tracestate", None), ("baggage", None), ("a", None)]
    with suppress_instrumentation():
        bus.driver.foreign(bus.address, bus.destination, Message(headers=given))
    [received] = bus.received(shape)
    assert (kept(bus, received, given), len(received.headers)) == (given, len(given))
    assert links(recorder.processes(1)[0]) == []


def test_suppressed_instrumentation_does_nothing(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    with suppress_instrumentation(), recorder.tracer.start_as_current_span("ambient"):
        bus.send()
        [received] = bus.received(shape)
    assert pairs(received.headers) == []
    assert recorder.ours() == []
    bus.send()
    recorder.sends(1)


def test_a_sampled_out_context_arrives_all_the_same(bus: Bus, shape: Shape) -> None:
    seen: list[tuple[Received, SpanContext, object]] = []

    def body(received: Received) -> None:
        seen.append((received, trace.get_current_span().get_span_context(), baggage.get_baggage("customer")))

    with recording(sampler=ALWAYS_OFF) as recorder:
        token = context.attach(baggage.set_baggage("customer", "7"))
        bus.send()
        context.detach(token)
        bus.consumer().consume(shape, body)
        bus.close()
        assert recorder.ours() == []
    [(received, inside, customer)] = seen
    headers = received.header("traceparent")
    assert len(headers) == 1 or Can.HEADERS not in bus.driver.can
    for header in headers:
        assert told(header)[0] == inside.trace_id
        assert not int((header or b"").split(b"-")[3], 16) & TraceFlags.SAMPLED
    assert not inside.trace_flags.sampled
    assert customer == "7"
