"""A send is one span, which ends with the broker's answer."""

from __future__ import annotations

from operator import methodcaller
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, failed, ids, links, told

from core.common import PRODUCER, TRACED
from core.tinyqueue import Producer, Queue

if TYPE_CHECKING:
    from support.recorder import Recorder

    from otel_eda.core import Library


def test_a_send_is_one_span_that_ends_with_the_answer(recorder: Recorder) -> None:
    queue = Queue()
    producer = Producer(queue, linger=True)
    producer.send("orders", 1)
    (open_,) = recorder.open("send")
    producer.flush()
    (span,) = recorder.sends(1)
    assert ids(span) == ids(open_)
    assert (span.name, span.kind) == ("send orders", SpanKind.PRODUCER)
    assert attribute(span, "messaging.system") == "tinyqueue"
    assert attribute(span, "messaging.destination.partition.id") == "0"
    assert attribute(span, "server.address") == "memory"
    ((_, headers),) = queue.topics["orders"]
    assert [(name, told(value)) for name, value in headers] == [("traceparent", ids(span))]


def test_a_refused_message_fails_its_send(recorder: Recorder) -> None:
    Producer(Queue()).send("!orders")
    (span,) = recorder.sends(1)
    assert (failed(span), attribute(span, "error.type")) == (True, "ConnectionError")
    (point,) = recorder.points("messaging.client.sent.messages")
    assert (point.attributes or {})["error.type"] == "ConnectionError"


def test_a_send_that_raises_raises_the_very_error_and_has_failed(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="which topic"):
        Producer(Queue()).send("")
    (span,) = recorder.sends(1)
    assert attribute(span, "error.type") == "ValueError"


def test_a_wrong_call_is_the_librarys_to_refuse(recorder: Recorder) -> None:
    wrong: Any = Producer(Queue()).send
    for args, kwargs in (((), {}), (("orders", 1, [], 4), {}), (("orders",), {"nonsense": 1})):
        with pytest.raises(TypeError, match="send"):
            wrong(*args, **kwargs)
    recorder.sends(0)


@pytest.mark.parametrize("close", [methodcaller("close"), id], ids=["closed", "switched off"])
def test_a_send_that_is_never_answered_is_unresolved(library: Library, close: Any) -> None:
    with recording() as recorder:
        producer = Producer(Queue(), linger=True)
        producer.send("orders")
        close(producer)
    (span,) = recorder.sends(1)
    assert (failed(span), attribute(span, "error.type")) == (True, "eda.unresolved")
    producer.flush()
    recorder.sends(1)


def test_the_callers_headers_are_not_touched(recorder: Recorder) -> None:
    queue, headers = Queue(), [("a", b"1")]
    for _ in range(3):
        Producer(queue).send("orders", headers=headers)
    assert headers == [("a", b"1")]
    sent = [stored[1] for stored in queue.topics["orders"]]
    assert [own for own, _ in sent] == [("a", b"1")] * 3
    assert [told(ours[1]) for _, ours in sent] == [ids(span) for span in recorder.sends(3)]


def test_a_context_of_the_callers_own_is_respected(recorder: Recorder) -> None:
    queue = Queue()
    Producer(queue).send("orders", headers=list(TRACED))
    (span,) = recorder.sends(1)
    assert queue.topics["orders"][0][1] == TRACED
    assert links(span) == [PRODUCER]
