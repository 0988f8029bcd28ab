"""`inject` and `extract` carry the context in headers of the application's own."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context, trace
from support.spans import current, told

import otel_eda
from core.tinyqueue import Consumer, Queue

if TYPE_CHECKING:
    from support.recorder import Recorder


@pytest.mark.parametrize(
    ("given", "kind", "value"),
    [
        (None, dict, str),
        ({}, dict, str),
        ({"a": "b"}, dict, str),
        (MappingProxyType({"a": "b"}), dict, str),
        ([], list, bytes),
        ([("a", b"b")], list, bytes),
        ([("a", "b")], list, str),
        ((("a", b"b"),), list, bytes),
    ],
    ids=repr,
)
def test_inject_gives_a_copy_that_carries_the_context(given: Any, kind: type, value: type, recorder: Recorder) -> None:
    before = repr(given)
    with recorder.tracer.start_as_current_span("sending"):
        made = otel_eda.inject(given)
        expected = current()
    assert (repr(given), type(made)) == (before, kind)
    found: dict[str, Any] = dict(made)
    assert type(found["traceparent"]) is value
    carried: Any = found["traceparent"]
    assert told(carried if value is bytes else carried.encode()) == expected
    assert "a" not in before or found["a"] in {"b", b"b"}


def test_inject_without_a_context_gives_a_plain_copy() -> None:
    assert otel_eda.inject() == {}
    assert otel_eda.inject([("a", b"b")]) == [("a", b"b")]


def test_inject_never_names_a_span_that_has_ended(queue: Queue, recorder: Recorder) -> None:
    for message in Consumer(queue, "orders"):
        with otel_eda.process(message):
            pass
        assert otel_eda.inject() == {}


def test_what_inject_gives_extract_reads(recorder: Recorder) -> None:
    with recorder.tracer.start_as_current_span("sending"):
        headers, expected = otel_eda.inject([]), current()
    found = trace.get_current_span(otel_eda.extract(headers)).get_span_context()
    assert (found.trace_id, found.span_id, found.is_remote) == (*expected, True)


@pytest.mark.parametrize("headers", [None, {}, [], {"a": "b"}])
def test_extract_gives_an_empty_context_where_nothing_is(headers: Any) -> None:
    assert otel_eda.extract(headers) == context.Context()
