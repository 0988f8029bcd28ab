"""Each receiver of an event has its span, below the dispatch and whatever caused it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from emitters.base import QUEUED, Has, How, receiver
from opentelemetry import baggage
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind
from support.recorder import Recorder, recording
from support.spans import attribute, current, failed, ids, parent

from contract.emitters.events import EVENT, Seen, emit, of_dispatch, of_receivers, unhandled

if TYPE_CHECKING:
    from emitters.base import Emitter, EmitterDriver

DISPATCH_KIND = {True: SpanKind.PRODUCER, False: SpanKind.INTERNAL}
RECEIVER_KIND = {True: SpanKind.CONSUMER, False: SpanKind.INTERNAL}


def test_each_receiver_has_its_span(kind: EmitterDriver, how: How, emitter: Emitter, recorder: Recorder) -> None:
    seen = [Seen(how) for _ in range(3)]
    for one in seen:
        emitter.on(EVENT, one.receive)
    with recorder.tracer.start_as_current_span("cause") as cause:
        emit(emitter, value=1)
    spans = of_receivers(recorder)
    assert [span.name for span in spans] == ["process paid"] * 3
    assert sorted(ids(span) for span in spans) == sorted(found for one in seen for found in one.spans)
    assert {span.kind for span in spans} == {RECEIVER_KIND[how in QUEUED]}
    above = of_dispatch(kind, recorder)
    if above:
        [dispatch] = above
        assert (dispatch.name, dispatch.kind) == (f"{kind.verb} paid", DISPATCH_KIND[how in QUEUED])
        assert parent(dispatch) == ids(cause)  # type: ignore[arg-type]  # the SDK's spans are readable
    assert {parent(span) for span in spans} == {ids(above[0]) if above else ids(cause)}  # type: ignore[arg-type]
    assert len(recorder.ours()) == 3 + len(above)
    assert current() == (0, 0)


def test_spans_say_what_they_are_of(kind: EmitterDriver, how: How, emitter: Emitter, recorder: Recorder) -> None:
    seen = Seen(how)
    emitter.on(EVENT, seen.receive)
    emit(emitter)
    [span] = of_receivers(recorder)
    function = f"{seen.receive.__module__}.{seen.receive.__qualname__}"
    expected = {"eda.event.type": EVENT, "code.function.name": function}
    assert (dict(span.attributes or {}), failed(span)) == (expected, False)
    for dispatch in of_dispatch(kind, recorder):
        assert (dict(dispatch.attributes or {}), failed(dispatch)) == ({"eda.event.type": EVENT}, False)
    assert recorder.count("eda.handler.duration") == 1
    [point] = recorder.points("eda.handler.duration")
    assert dict(point.attributes or {}) == expected


def test_what_a_receiver_emits_is_below_it(kind: EmitterDriver, how: How, recorder: Recorder) -> None:
    first, second = kind.emitter(how), kind.emitter(kind.hows[0])
    inner = Seen(kind.hows[0])
    second.on("shipped", inner.receive)
    outer = receiver(how, lambda _: drive(second.emit("shipped")))
    first.on(EVENT, outer)
    emit(first)
    first.close()
    [received], [shipped] = ([s for s in of_receivers(recorder) if s.name.endswith(n)] for n in (EVENT, "shipped"))
    by_id = {ids(span): span for span in recorder.ours()}
    above = parent(shipped)
    assert above is not None
    if Has.DISPATCH not in kind.cannot:
        above = parent(by_id[above])
    assert above == ids(received)


def drive(coroutine: Any) -> bool:
    """Run a coroutine that never waits."""
    with pytest.raises(StopIteration):
        coroutine.send(None)
    return True


def test_the_cause_and_its_baggage_reach_every_receiver(how: How, emitter: Emitter, recorder: Recorder) -> None:
    found: list[object] = []
    note = receiver(how, lambda _: found.append(baggage.get_baggage("shop")))
    emitter.on(EVENT, note)
    token = attach(baggage.set_baggage("shop", "7"))
    emit(emitter)
    detach(token)
    assert found == ["7"]


def test_unsampled_receivers_are_counted_all_the_same(kind: EmitterDriver, how: How, emitter: Emitter) -> None:
    seen = Seen(how)
    emitter.on(EVENT, seen.receive)
    with recording(sampler=ALWAYS_OFF) as recorder:
        emit(emitter)
        assert recorder.ours() == []
        if kind.library != "registries":  # its receivers were registered too early
            assert recorder.count("eda.handler.duration") == 1


@pytest.mark.needs(Has.ONCE)
def test_a_receiver_of_one_event_has_one_span_of_its_own_name(how: How, emitter: Emitter, recorder: Recorder) -> None:
    seen = Seen(how)
    assert emitter.once(EVENT, seen.receive) is seen.receive
    assert emitter.receivers(EVENT) == [seen.receive]
    emit(emitter, value=1)
    emit(emitter, value=2)
    assert seen.values == [1]
    [span] = of_receivers(recorder)
    assert ids(span) == seen.spans[0]
    assert attribute(span, "code.function.name") == f"{seen.receive.__module__}.{seen.receive.__qualname__}"
    assert unhandled(recorder) == [EVENT]
