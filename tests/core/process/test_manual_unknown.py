"""`otel_eda.process` of an object that no library delivered: its headers are found, or given."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, current, links, parent

import otel_eda
from core.common import PRODUCER, TRACED

if TYPE_CHECKING:
    from support.recorder import Recorder

    from otel_eda.core import Library


(HEADER,) = TRACED
TEXT = (HEADER[0], HEADER[1].decode())


class Order:
    """A message of no library that is known."""

    def __init__(self, headers: Any = None) -> None:
        self.headers = headers


class Lazy(Order):
    """Has its headers in a method, as some do."""

    def __init__(self, headers: Any = None) -> None:
        self.headers = lambda: headers


FOREIGN: list[Any] = [
    Order([HEADER]),
    Order(dict([TEXT])),
    Lazy([TEXT]),
    {"headers": dict([TEXT]), "body": 1},
    {"headers": dict([HEADER])},
]


@pytest.mark.parametrize("message", FOREIGN, ids=lambda message: type(message).__name__)
def test_headers_of_an_unknown_message_are_found(message: Any, recorder: Recorder) -> None:
    with otel_eda.process(message, destination="orders", system="own"):
        pass
    (span,) = recorder.processes(1)
    assert (span.name, span.kind, parent(span)) == ("process orders", SpanKind.CONSUMER, PRODUCER)
    assert attribute(span, "messaging.system") == "own"


@pytest.mark.parametrize("headers", [[HEADER], [TEXT], (TEXT,), dict([TEXT]), MappingProxyType(dict([TEXT]))], ids=repr)
def test_headers_may_be_given(headers: Any, recorder: Recorder) -> None:
    with otel_eda.process(b"bytes", destination="orders", headers=headers):
        pass
    (span,) = recorder.processes(1)
    assert (parent(span), links(span)) == (PRODUCER, [PRODUCER])


@pytest.mark.parametrize(
    "message",
    [None, 1, "text", b"", [], {}, object(), Order(5), Order("text"), Order(object)],
    ids=lambda message: f"{type(message).__name__} {getattr(message, 'headers', '')}",
)
def test_an_unknown_object_gets_a_span_all_the_same(message: Any, library: Library) -> None:
    with recording(strict=False, quiet=False) as recorder:
        with otel_eda.process(message) as given:
            assert isinstance(given, otel_eda.process)
            assert current() != (0, 0)
        assert current() == (0, 0)
        (span,) = recorder.processes(1)
    assert span.name == f"process {type(message).__name__}"
    assert parent(span) is None


def test_the_same_place_has_one_client_however_many_messages(recorder: Recorder) -> None:
    for _ in range(3):
        with otel_eda.process(Order(), destination="orders"):
            pass
    (point,) = recorder.points("messaging.process.duration")
    assert recorder.count("messaging.process.duration") == 3
    assert (point.attributes or {})["messaging.destination.name"] == "orders"


def test_baggage_and_the_ambient_span_are_there(recorder: Recorder) -> None:
    with recorder.tracer.start_as_current_span("ambient"):
        ambient = current()
        with otel_eda.process(Order([HEADER, ("baggage", b"who=they")])):
            assert baggage.get_all() == {"who": "they"}
        assert baggage.get_all() == {}
    (span,) = recorder.processes(1)
    assert (parent(span), links(span)) == (ambient, [PRODUCER])


def test_suppressed_there_is_nothing(recorder: Recorder) -> None:
    with suppress_instrumentation(), otel_eda.process(Order([HEADER])):
        assert current() == (0, 0)
    recorder.processes(0)
