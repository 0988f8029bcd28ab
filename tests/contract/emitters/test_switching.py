"""Instrumentation is switched on and off while the application emits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emitters.base import How, receiver
from opentelemetry.instrumentation.utils import suppress_instrumentation
from support.recorder import Recorder, recording
from support.spans import current

import otel_eda
from contract.emitters.events import EVENT, Seen, emit, of_receivers, unhandled

if TYPE_CHECKING:
    from emitters.base import Emitter, EmitterDriver


def test_receivers_from_before_have_spans_too_and_afterwards_there_are_none(
    kind: EmitterDriver, how: How, emitter: Emitter
) -> None:
    seen = Seen(how)
    emitter.on(EVENT, seen.receive)
    emit(emitter)
    with recording() as recorder:
        emit(emitter)
        assert len(of_receivers(recorder)) == (kind.library != "registries")
    emit(emitter)
    assert len(of_receivers(recorder)) == (kind.library != "registries")
    assert [found == (0, 0) for found in seen.spans] == [True, kind.library == "registries", True]


def test_suppressed_there_is_nothing(how: How, emitter: Emitter, recorder: Recorder) -> None:
    seen = Seen(how)
    emitter.on(EVENT, seen.receive)
    with suppress_instrumentation():
        emit(emitter)
        emit(emitter, "lost")
    assert recorder.ours() == []
    assert (len(seen.spans), unhandled(recorder)) == (1, [])


def test_switched_off_within_a_receiver_what_is_open_ends(how: How, kind: EmitterDriver) -> None:
    with recording() as recorder:
        emitter = kind.emitter(how)
        off = receiver(how, lambda _: otel_eda.disable())
        emitter.on(EVENT, off)
        emit(emitter)
        emitter.close()
        assert not recorder.open()
        assert len(of_receivers(recorder)) == 1
    assert current() == (0, 0)
