"""Sends that are confirmed by number, and messages that are sent back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, failed, ids, links, parent

import otel_eda
from core.tinyqueue import Channel, Queue
from otel_eda.core.clients.instances import client_of
from otel_eda.core.lifecycle import shutdown

if TYPE_CHECKING:
    from support.recorder import Recorder

    from otel_eda.core import Library

SENT, RETURNS = "messaging.client.sent.messages", "eda.returned.messages"


@pytest.fixture
def channel() -> Channel:
    return Channel(Queue())


def confirming(channel: Channel) -> list[tuple[object, ...]]:
    answers: list[tuple[object, ...]] = []
    channel.confirm(lambda *answer: answers.append(answer))
    return answers


def test_without_confirms_a_send_ends_with_the_call(channel: Channel, recorder: Recorder) -> None:
    channel.publish("orders")
    (span,) = recorder.sends(1)
    assert (span.name, span.kind, failed(span)) == ("send orders", SpanKind.PRODUCER, False)


def test_a_send_ends_when_its_number_is_confirmed(channel: Channel, recorder: Recorder) -> None:
    answers = confirming(channel)
    for _ in range(3):
        channel.publish("orders")
    first, second, third = recorder.open("send")
    channel.answer(2)
    assert recorder.open("send") == [first, third]
    channel.answer(1)
    channel.answer(3)
    assert [ids(span) for span in recorder.sends(3)] == [ids(span) for span in (first, second, third)]
    assert answers == [(2, False, False), (1, False, False), (3, False, False)]
    channel.answer(3)  # once more is once
    recorder.counted(SENT, 3)


@pytest.mark.parametrize(("number", "rest"), [(2, 1), (0, 0)], ids=["up to a number", "all"])
def test_several_are_confirmed_at_once(channel: Channel, recorder: Recorder, number: int, rest: int) -> None:
    confirming(channel)
    for _ in range(3):
        channel.publish("orders")
    channel.answer(number, multiple=True)
    assert len(recorder.open("send")) == rest
    channel.answer(0, multiple=True)
    recorder.sends(3)


def test_a_refusal_is_a_failure(channel: Channel, recorder: Recorder) -> None:
    confirming(channel)
    channel.publish("orders")
    channel.publish("orders")
    channel.answer(1)
    channel.answer(2, refused=True)
    good, bad = recorder.sends(2)
    assert [failed(span) for span in (good, bad)] == [False, True]
    assert attribute(bad, "error.type") == "eda.nacked"


def test_what_has_no_span_is_counted_all_the_same(channel: Channel, recorder: Recorder) -> None:
    confirming(channel)
    with suppress_instrumentation():
        channel.publish("orders")
    with pytest.raises(ValueError, match="which topic"):
        channel.publish("")
    channel.publish("orders")
    channel.answer(1)
    assert len(recorder.open("send")) == 1
    channel.answer(2)
    assert [failed(span) for span in recorder.sends(2)] == [True, False]


def test_asked_for_twice_is_once(channel: Channel, recorder: Recorder) -> None:
    confirming(channel)
    channel.publish("orders")
    confirming(channel)
    channel.answer(1)
    recorder.sends(1)


def test_a_wrong_call_is_the_librarys_to_refuse(channel: Channel, recorder: Recorder) -> None:
    wrong: Any = channel
    for args in ((), (7,), (print, print)):
        with pytest.raises(TypeError):
            wrong.confirm(*args)
    channel.publish("orders")
    recorder.sends(1)


def test_the_librarys_callback_equals_the_applications(channel: Channel, recorder: Recorder) -> None:
    channel.confirm(print)
    assert channel.answered == print
    assert hash(channel.answered) == hash(print)


def test_switched_off_meanwhile_numbers_are_not_believed(library: Library, channel: Channel) -> None:
    with recording() as recorder:
        confirming(channel)
        otel_eda.disable()
        channel.publish("orders")
        otel_eda.enable(tracer_provider=recorder.tracer_provider, meter_provider=recorder.meter_provider)
        channel.publish("orders")
        assert not recorder.open()
        recorder.sends(1)


def test_what_is_never_confirmed_is_unresolved(channel: Channel, recorder: Recorder, library: Library) -> None:
    confirming(channel)
    channel.publish("orders")
    shutdown.end_client(client_of(channel, library), "the channel was closed")
    (span,) = recorder.sends(1)
    assert attribute(span, "error.type") == "eda.unresolved"
    channel.answer(1)
    recorder.counted(SENT, 1)


def test_what_comes_back_fails_its_send(channel: Channel, recorder: Recorder) -> None:
    confirming(channel)
    channel.publish("refunds", 1)
    channel.publish("orders", 2)
    assert channel.send_back("orders") == 2
    channel.answer(0, multiple=True)
    good, bad = recorder.sends(2)
    assert (failed(good), failed(bad)) == (False, True)
    assert (attribute(bad, "error.type"), bad.status.description) == ("eda.returned", "nobody there")
    recorder.counted(RETURNS, 1, "orders")


def test_what_comes_back_too_late_is_a_span_of_its_own(channel: Channel, recorder: Recorder) -> None:
    channel.publish("orders")
    channel.send_back("orders")
    send, back = recorder.sends(2)
    assert (failed(send), failed(back)) == (False, True)
    assert (back.name, back.kind, parent(back), links(back)) == (
        "return orders",
        SpanKind.CLIENT,
        ids(send),
        [ids(send)],
    )
    recorder.counted(SENT, 1)
    recorder.counted(RETURNS, 1, "orders")


def test_a_returned_message_of_an_unknown_send_is_recorded(channel: Channel, recorder: Recorder) -> None:
    with suppress_instrumentation():
        channel.publish("orders")
    channel.send_back("orders")
    (back,) = recorder.sends(1)
    assert (parent(back), links(back)) == (None, [])
