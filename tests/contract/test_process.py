"""A process span covers the application's code for one message, from its first line to its last."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from drivers.base import Can, Message, Shape
from opentelemetry.trace import SpanKind
from support.spans import attribute, current, ids, parent

from otel_eda import config

if TYPE_CHECKING:
    from drivers.base import Consumer, Driver, Received
    from support.bus import Bus
    from support.recorder import Recorder
    from support.spans import Ids


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
