from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context
from rich.console import Console

from otel_eda.demo.file_exporter import FileExporter
from otel_eda.demo.summary import DESTINATIONS, destinations, milliseconds, slowest, telling
from otel_eda.diagnosis import lookup
from otel_eda.diagnosis.reports.trace import write
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store
from otel_eda.diagnosis.trace import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.trace import Span
    from rich.console import RenderableType

    from otel_eda.otlp import Export

MS = 1_000_000
BEGIN = 1_700_000_000_000  # milliseconds since 1970


def attributes(operation: str, topic: str, offset: int) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": offset,
    }


class Day:
    """Orders with chosen times, as the real SDK exports them: send 1, queue `wait`, process 4, handler 2 ms."""

    def __init__(self, tracer: Callable[[str], Tracer], exports: list[Export], folder: Path) -> None:
        self.shop, self.payments = tracer("shop"), tracer("payments")
        self.exports, self.folder = exports, folder

    def send(self, offset: int, at: int) -> Span:
        sent = self.shop.start_span(
            "send orders",
            kind=SpanKind.PRODUCER,
            attributes=attributes("send", "orders", offset),
            start_time=(BEGIN + at) * MS,
        )
        sent.end((BEGIN + at + 1) * MS)
        return sent

    def process(self, sent: Span, offset: int, at: int, failure: Exception | None = None) -> None:
        span = self.payments.start_span(
            "process orders",
            set_span_in_context(sent),
            kind=SpanKind.CONSUMER,
            attributes=attributes("process", "orders", offset),
            start_time=(BEGIN + at) * MS,
        )
        handler = self.payments.start_span(
            "process order.placed",
            set_span_in_context(span),
            attributes={"eda.event.type": "order.placed", "code.function.name": "charge"},
            start_time=(BEGIN + at + 1) * MS,
        )
        if failure:
            handler.record_exception(failure)
            handler.set_attribute("error.type", type(failure).__name__)
            handler.set_status(Status(StatusCode.ERROR, str(failure)))
        handler.end((BEGIN + at + 3) * MS)
        span.end((BEGIN + at + 4) * MS)

    def order(self, offset: int, wait: int, failure: Exception | None = None) -> None:
        self.process(self.send(offset, offset * 100), offset, offset * 100 + 1 + wait, failure)

    @contextmanager
    def store(self) -> Iterator[Store]:
        files = FileExporter(self.folder)
        for export in self.exports:
            files(export)
        with Store() as store:
            store.read([Files(str(self.folder))])
            yield store

    def destination(self) -> tuple[Any, ...]:
        with self.store() as store:
            (row,) = store.ask(DESTINATIONS)
            return row


@pytest.fixture
def day(tracer: Callable[[str], Tracer], exports: list[Export], tmp_path: Path) -> Day:
    return Day(tracer, exports, tmp_path)


def drawn(what: RenderableType, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding) as file:
        Console(file=file, width=width).print(what)
        file.flush()
        return raw.getvalue().decode(encoding)


def trace(day: Day, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    with day.store() as store, io.TextIOWrapper(raw, encoding=encoding) as file:
        write(find(store, lookup.spans(store, telling(store))), file)
        file.flush()
        return raw.getvalue().decode(encoding)


def test_destinations_are_computed_from_spans(day: Day) -> None:
    for offset, wait in enumerate((10, 20, 30, 40)):
        day.order(offset, wait, ValueError("no") if offset == 2 else None)
    day.send(4, 400)
    name, sent, processed, errors, *times = day.destination()
    assert (name, sent, processed, errors) == ("orders", 5, 4, 1)
    assert times == [[MS, MS], [25 * MS, pytest.approx(38.5 * MS)], [4 * MS, 4 * MS]]


def test_a_failed_handler_is_an_error_of_each_attempt(day: Day) -> None:
    sent = day.send(0, 0)
    day.process(sent, 0, 10, ValueError("first attempt"))
    day.process(sent, 0, 20, ValueError("second attempt"))
    assert day.destination()[2:4] == (2, 2)


def test_a_failed_send_is_an_error_and_has_no_queue(day: Day) -> None:
    span = day.shop.start_span(
        "send orders",
        kind=SpanKind.PRODUCER,
        attributes={"messaging.operation.type": "send", "messaging.destination.name": "orders"},
    )
    span.set_status(Status(StatusCode.ERROR, "no broker"))
    span.end()
    _, sent, _, errors, _, queue, process = day.destination()
    assert (sent, errors, queue, process) == (1, 1, None, None)
    with day.store() as store:
        assert drawn(destinations(store)).split()[-2:] == ["-", "-"]


def test_a_consumer_that_is_quicker_than_the_acknowledgement_waited_for_nothing(day: Day) -> None:
    day.order(0, wait=-1)
    assert day.destination()[5] == [0, 0]


def test_the_telling_trace_is_a_failed_one_and_the_slowest_the_longest(day: Day) -> None:
    day.order(0, 10)
    day.order(1, 20, ValueError("no"))
    day.order(2, 60)
    with day.store() as store:
        offsets = dict(store.ask("SELECT trace_id, message_offset FROM operations WHERE type = 'send'"))
        assert (offsets[telling(store)], offsets[slowest(store)]) == (1, 2)


def test_without_a_failure_the_telling_trace_goes_through_most_services(day: Day) -> None:
    day.send(0, 0)
    day.order(1, 10)
    day.order(2, 10)
    with day.store() as store:
        assert store.ask(
            "SELECT message_offset FROM operations WHERE type = 'send' AND trace_id = ?", telling(store)
        ) == [(1,)]


def test_the_trace_is_drawn_as_a_tree(day: Day) -> None:
    day.order(0, 10, ValueError("card [bold]0002[/bold]"))
    head, *lines = trace(day).splitlines()
    assert head.startswith("2023-11-14T22:13:20.000Z  trace ")
    assert lines == [
        "└── shop  send orders  [0]@0  1.00 ms  +0.00 ms",
        "    └── payments  process orders  [0]@0  4.00 ms  +11.00 ms",
        "        └── payments  process order.placed  2.00 ms  +12.00 ms",
        "            ERROR ValueError card [bold]0002[/bold]",
    ]


def test_a_span_whose_parent_is_missing_is_drawn_at_the_top(day: Day) -> None:
    day.order(0, 10)
    del day.exports[0]  # of the send
    lines = trace(day).splitlines()
    assert lines[1] == "└── payments  process orders  [0]@0  4.00 ms  +0.00 ms"
    assert lines[-1].startswith("Missing: the span ")


def test_each_service_has_its_colour(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    day.order(0, 10)
    shown = trace(day)
    assert "\x1b[1;36mshop\x1b[0m" in shown
    assert shown.count("\x1b[1;35mpayments\x1b[0m") == 2


def test_the_summary_needs_no_more_than_ascii_and_80_columns(day: Day) -> None:
    day.order(0, 10)
    assert "`-- shop  send orders" in trace(day, encoding="ascii")
    with day.store() as store:
        lines = drawn(destinations(store), encoding="ascii").splitlines()
    assert lines[-1].replace("|", " ").split() == [
        "orders",
        "1",
        "1",
        "0",
        *["1.00", "/", "1.00", "10.0", "/", "10.0", "4.00", "/", "4.00"],
    ]


@pytest.mark.parametrize(
    ("nanoseconds", "text"), [(0, "0.00"), (1_234_567, "1.23"), (12_345_678, "12.3"), (123_456_789, "123")]
)
def test_milliseconds(nanoseconds: int, text: str) -> None:
    assert milliseconds(nanoseconds) == text
