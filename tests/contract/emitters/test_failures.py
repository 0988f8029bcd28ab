"""A failure goes where it always went, whether the application's or ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from emitters.base import QUEUED, Has, How, receiver
from support.recorder import Recorder, recording
from support.sabotage import WAYS, failures
from support.spans import attribute, current, exceptions, failed, ids, parent

from contract.emitters.events import EVENT, Seen, emit, of_dispatch, of_receivers, unhandled

if TYPE_CHECKING:
    from emitters.base import Emitter, EmitterDriver


class BoomError(Exception):
    """What a receiver raises."""


def test_an_exception_goes_where_it_always_went(
    kind: EmitterDriver, how: How, emitter: Emitter, recorder: Recorder
) -> None:
    error = BoomError("no")
    caught: list[object] = []

    def fail(_: object) -> None:
        raise error

    failing, catching = receiver(how, fail), Seen(how)
    emitter.on(EVENT, failing)
    if how in QUEUED:
        emitter.on("error", catching.receive)
        emit(emitter)
        caught += catching.values
    else:
        with pytest.raises(BoomError) as raised:
            emit(emitter)
        caught.append(raised.value)
    assert caught == [error]
    [span] = [span for span in of_receivers(recorder) if span.name == "process paid"]
    assert failed(span)
    assert exceptions(span) == [(f"{__name__}.BoomError", "no")]
    [point] = [point for point in recorder.points("eda.handler.duration") if "error.type" in (point.attributes or {})]
    assert (point.attributes or {})["error.type"] == attribute(span, "error.type") == f"{__name__}.BoomError"
    for dispatch in of_dispatch(kind, recorder)[:1]:
        assert failed(dispatch) is (how not in QUEUED)
    assert current() == (0, 0)


@pytest.mark.needs(Has.ERRORS)
def test_the_event_of_an_error_is_below_the_receiver_that_failed(
    how: How, emitter: Emitter, recorder: Recorder
) -> None:
    if how not in QUEUED:
        return  # there the application emits it, wherever it likes
    failing, catching = receiver(how, lambda _: 1 / 0), Seen(how)
    emitter.on(EVENT, failing)
    emitter.on("error", catching.receive)
    emit(emitter)
    spans = {span.name: span for span in recorder.ours()}
    assert parent(spans["emit error"]) == ids(spans["process paid"])
    assert catching.spans == [ids(spans["process error"])]


def test_an_event_without_receivers_is_told_and_counted(
    kind: EmitterDriver, how: How, emitter: Emitter, recorder: Recorder
) -> None:
    seen = Seen(how)
    emitter.on(EVENT, seen.receive)
    with recorder.tracer.start_as_current_span("cause"):
        emit(emitter, "lost")
        emit(emitter)
    [cause] = recorder.own("cause")
    assert [(event.name, dict(event.attributes or {})) for event in cause.events] == [
        ("eda.event.unhandled", {"eda.event.type": "lost"})
    ]
    assert unhandled(recorder) == ["lost"]
    assert {attribute(span, "eda.event.type") for span in recorder.ours()} == {EVENT}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_fails_of_ours_events_go_through(kind: EmitterDriver, how: How, way: str) -> None:
    if way in {"inject", "extract"}:
        return  # an event in the process has no headers
    failures.clear()
    error = BoomError()

    def fail(_: object) -> None:
        raise error

    with WAYS[way]() as options, recording(strict=False, quiet=False, **options):
        emitter, seen, failing = kind.emitter(how), Seen(how), receiver(how, fail)
        emitter.on(EVENT, seen.receive)
        emitter.on("refused", failing)
        emit(emitter, value=1)
        emit(emitter, "lost")
        if how in QUEUED:
            emitter.on("error", seen.receive)
            emit(emitter, "refused")
        else:
            with pytest.raises(BoomError) as caught:
                emit(emitter, "refused")
            assert caught.value is error
        emitter.close()
    assert seen.values == ([1, error] if how in QUEUED else [1])
    assert failures
