"""Sends whose answer comes by a callback, to clients that are made in C."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind
from support.recorder import Recorder, recording
from support.spans import attribute, failed, ids

from core.clients.callback_client import Client, Heard, use

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core import Library


ERROR = "error.type"


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    return use(monkeypatch)


@pytest.mark.parametrize(
    "call",
    [
        lambda client, heard: client.send("orders", heard),
        lambda client, heard: client.send("orders", callback=heard),
        lambda client, heard: client.send("orders", alias=heard),
        lambda client, heard: client.send("orders", heard, None),
    ],
)
def test_an_answer_ends_the_send_and_is_passed_on(recorder: Recorder, call: Callable[[Client, Heard], None]) -> None:
    client, heard = Client(), Heard()
    with recorder.tracer.start_as_current_span("ambient"):
        call(client, heard)
    assert len(recorder.open("send")) == 1
    client.answer()
    assert heard.told == [(None, None)]
    assert heard.spans == [ids(recorder.own("ambient")[0])]
    assert not failed(recorder.sends(1)[0])


def test_an_error_is_the_sends(recorder: Recorder) -> None:
    client = Client()
    client.send("orders")
    client.answer("refused")
    [send] = recorder.sends(1)
    assert (failed(send), attribute(send, ERROR)) == (True, "RuntimeError")


def test_the_clients_own_callback_is_called_where_a_call_names_none(recorder: Recorder) -> None:
    heard = Heard()
    client = Client(callback=heard)
    client.send("orders")
    client.send("orders", None)
    client.answer()
    assert heard.told == [(None, None)] * 2
    recorder.sends(2)


def test_a_callback_that_is_not_known_is_left_alone() -> None:
    heard = Heard()
    client = Client(callback=heard)
    with recording() as recorder:
        client.send("orders")
        recorder.sends(1)  # at the call
        client.answer()
    assert len(heard.told) == 1


def test_an_answer_that_never_comes_is_unresolved_at_close(recorder: Recorder) -> None:
    client = Client()
    client.send("orders")
    client.close()
    assert attribute(recorder.sends(1)[0], ERROR) == "eda.unresolved"
    client.answer()
    recorder.sends(1)


def test_a_callback_that_is_dropped_without_a_call_ends_the_send(recorder: Recorder) -> None:
    client = Client()
    client.send("orders")
    client._sent.clear()
    gc.collect()
    assert not failed(recorder.sends(1)[0])


def test_a_call_that_raises_has_failed_once(recorder: Recorder) -> None:
    client = Client()
    for call in (lambda: client.send(""), lambda: client.send_all("", [{}])):
        with pytest.raises(ValueError, match="which"):
            call()
    gc.collect()
    assert [attribute(span, ERROR) for span in recorder.sends(2)] == ["ValueError"] * 2


def test_several_messages_have_one_span_to_the_last_answer(recorder: Recorder) -> None:
    usual, own, client = Heard(), Heard(), Client()
    messages: list[dict[str, Any]] = [{"a": 1}, {"callback": own}, {"bad": True}]
    assert client.send_all("orders", messages, usual) == 2
    assert messages == [{"a": 1}, {"callback": own}, {"bad": True, "error": "bad"}]
    assert len(recorder.open("send")) == 1
    client.answer()
    assert (len(usual.told), len(own.told)) == (1, 1)
    [send] = recorder.sends(1)
    assert (send.kind, attribute(send, "messaging.batch.message_count")) == (SpanKind.CLIENT, 3)
    assert attribute(send, ERROR) == "RuntimeError"
    recorder.counted("messaging.client.sent.messages", 3)
