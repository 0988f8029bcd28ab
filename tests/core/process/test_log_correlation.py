"""Exported log records tell which message was in work, and no other record is touched."""

from __future__ import annotations

import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

import otel_eda
from core.tinyqueue import Consumer, Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.recorder import Recorder

WHERE = {
    "messaging.system": "tinyqueue",
    "messaging.destination.name": "orders",
    "messaging.destination.partition.id": "0",
    "messaging.kafka.offset": 0,
}
log = logging.getLogger("application")


class Everything(logging.Formatter):
    """Writes all that is in a record, as formatters of JSON do."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(sorted(vars(record)))


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryLogRecordExporter]:
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        handler = LoggingHandler(logger_provider=provider)
    monkeypatch.setattr(log, "level", logging.INFO)
    log.addHandler(handler)
    yield exporter
    log.removeHandler(handler)
    provider.shutdown()


def attributes(exporter: InMemoryLogRecordExporter) -> list[dict[str, Any]]:
    return [dict(item.log_record.attributes or {}) for item in exporter.get_finished_logs()]


def test_a_log_record_names_the_message(recorder: Recorder, queue: Queue, exported: InMemoryLogRecordExporter) -> None:
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        log.info("billed %s", 1)
        break
    (span,) = recorder.processes(1)
    (item,) = exported.get_finished_logs()
    assert attributes(exported)[0].items() >= WHERE.items()
    assert span.context is not None
    assert (item.log_record.trace_id, item.log_record.span_id) == (span.context.trace_id, span.context.span_id)
    consumer.close()


def test_also_beneath_a_span_of_the_applications_own(
    recorder: Recorder, queue: Queue, exported: InMemoryLogRecordExporter
) -> None:
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        with recorder.tracer.start_as_current_span("bill"):
            log.info("billed")
            assert trace.get_current_span().get_span_context().is_valid
        break
    assert attributes(exported)[0].items() >= WHERE.items()
    consumer.close()


def test_a_log_record_outside_of_any_message_names_none(
    recorder: Recorder, queue: Queue, exported: InMemoryLogRecordExporter
) -> None:
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        pass
    log.info("done")
    consumer.close()
    assert not [name for name in attributes(exported)[0] if name.startswith("messaging.")]


def test_what_the_application_has_set_stays(
    recorder: Recorder, queue: Queue, exported: InMemoryLogRecordExporter
) -> None:
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        log.info("billed", extra={"messaging.system": "mine"})
        break
    assert attributes(exported)[0]["messaging.system"] == "mine"
    consumer.close()


def test_the_applications_own_format_stays(
    recorder: Recorder, queue: Queue, exported: InMemoryLogRecordExporter
) -> None:
    written = io.StringIO()
    own = logging.StreamHandler(written)
    own.setFormatter(Everything())
    log.addHandler(own)
    log.info("outside")
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        log.info("inside")
        break
    log.removeHandler(own)
    outside, inside = written.getvalue().splitlines()
    assert outside == inside
    consumer.close()


def test_switching_off_puts_the_original_back(library: Any, queue: Queue, exported: InMemoryLogRecordExporter) -> None:
    original = vars(LoggingHandler)["emit"]
    otel_eda.enable()
    assert vars(LoggingHandler)["emit"] is not original
    otel_eda.disable()
    assert vars(LoggingHandler)["emit"] is original


def test_an_error_that_is_logged_is_an_event_of_the_span(recorder: Recorder, queue: Queue) -> None:
    silent = logging.Logger("framework.access")  # nobody exports what it logs
    for number, _ in enumerate(Consumer(queue, "orders")):
        try:
            _ = 1 // number
        except ZeroDivisionError:
            silent.exception("it goes on")
        silent.warning("no error")
    silent.error("outside")
    events = [[(event.name, dict(event.attributes or {})) for event in span.events] for span in recorder.processes(3)]
    said = {"exception.type": "ZeroDivisionError", "eda.logger.name": "framework.access"}
    assert events == [[("eda.process.error_logged", said)], [], []]
