"""What an exception leaves: on the span, in the log, or in both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.spans import attribute, exceptions, failed, ids

from core.tinyqueue import Consumer, Queue
from otel_eda.core.telemetry.errors import error_type

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder

OPT_IN = "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN"


class OrderError(Exception):
    """Something is wrong with an order."""

    class InnerError(Exception):
        """A nested class."""


@pytest.fixture
def opted(request: pytest.FixtureRequest, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> str:
    """Opt in, in the middle of the process's life."""
    choice: str = request.param
    monkeypatch.setenv(OPT_IN, choice)
    return choice


@pytest.fixture
def logs(recorder: Recorder) -> InMemoryLogRecordExporter:
    return recorder.log_exporter


def body_that_raises(queue: Queue, recorder: Recorder, error: BaseException) -> ReadableSpan:
    import otel_eda

    record = next(Consumer(queue, "orders"))
    with pytest.raises(type(error)) as caught, otel_eda.process(record):
        raise error
    assert caught.value is error
    (span,) = recorder.processes(1)
    return span


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ValueError, "ValueError"),
        (OrderError, f"{__name__}.OrderError"),
        (OrderError.InnerError, f"{__name__}.OrderError.InnerError"),
        (KeyboardInterrupt, "KeyboardInterrupt"),
    ],
)
def test_an_exception_is_named_as_the_sdk_names_it(kind: type[BaseException], name: str) -> None:
    assert error_type(kind()) == name


@pytest.mark.parametrize("opted", ["", "nonsense"], indirect=True)
def test_by_default_it_is_an_event_of_the_span(
    opted: str, queue: Queue, recorder: Recorder, logs: InMemoryLogRecordExporter
) -> None:
    span = body_that_raises(queue, recorder, OrderError("no such order"))
    name = f"{__name__}.OrderError"
    assert exceptions(span) == [(name, "no such order")]
    assert (failed(span), span.status.description) == (True, "no such order")
    assert attribute(span, "error.type") == name
    (event,) = span.events
    assert "body_that_raises" in str((event.attributes or {})["exception.stacktrace"])
    assert logs.get_finished_logs() == ()


@pytest.mark.parametrize(("opted", "events"), [("logs", 0), ("logs/dup", 1), ("other, logs", 0)], indirect=["opted"])
def test_by_opt_in_it_is_a_log_record_in_the_spans_context(
    opted: str, events: int, queue: Queue, recorder: Recorder, logs: InMemoryLogRecordExporter
) -> None:
    span = body_that_raises(queue, recorder, OrderError("no such order"))
    (found,) = logs.get_finished_logs()
    record = found.log_record
    assert record.event_name == "messaging.process.exception"
    assert record.severity_text == "ERROR"
    assert (record.trace_id, record.span_id) == ids(span)
    assert (record.attributes or {})["exception.type"] == f"{__name__}.OrderError"
    assert (record.attributes or {})["exception.message"] == "no such order"
    assert len(exceptions(span)) == events
    assert failed(span)


def test_an_exception_that_cannot_be_printed_ends_its_span_all_the_same(queue: Queue, recorder: Recorder) -> None:
    class UnprintableError(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    span = body_that_raises(queue, recorder, UnprintableError())
    assert failed(span)
    assert str(attribute(span, "error.type")).endswith("UnprintableError")
