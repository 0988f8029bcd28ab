from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context
from rich.console import Console

from otel_eda.demo.flow import Times, destinations, slowest, telling
from otel_eda.demo.report import milliseconds, table, tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span as Recording
    from rich.console import RenderableType

    from otel_eda.demo.receiver import Spans

MS = 1_000_000


def attributes(operation: str, topic: str, offset: int) -> dict[str, str | int]:
    return {
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": offset,
    }


class Day:
    """Orders with chosen times, as the real SDK exports them: send 1, queue `wait`, process 4, handler 2 ms."""

    def __init__(self, tracer: Callable[[str], Tracer]) -> None:
        self.shop, self.payments = tracer("shop"), tracer("payments")

    def send(self, offset: int, at: int) -> Recording:
        sent = self.shop.start_span(
            "send orders", kind=SpanKind.PRODUCER, attributes=attributes("send", "orders", offset), start_time=at * MS
        )
        sent.end((at + 1) * MS)
        return sent

    def process(self, sent: Recording, offset: int, at: int, failure: Exception | None = None) -> None:
        span = self.payments.start_span(
            "process orders",
            set_span_in_context(sent),
            kind=SpanKind.CONSUMER,
            attributes=attributes("process", "orders", offset),
            start_time=at * MS,
        )
        handler = self.payments.start_span("process order.placed", set_span_in_context(span), start_time=(at + 1) * MS)
        if failure:
            handler.record_exception(failure)
            handler.set_status(Status(StatusCode.ERROR, "not shown: the exception says more"))
        handler.end((at + 3) * MS)
        span.end((at + 4) * MS)

    def order(self, offset: int, wait: int, failure: Exception | None = None) -> None:
        self.process(self.send(offset, offset * 100), offset, offset * 100 + 1 + wait, failure)


@pytest.fixture
def day(tracer: Callable[[str], Tracer]) -> Day:
    return Day(tracer)


def drawn(what: RenderableType, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding) as file:
        Console(file=file, width=width).print(what)
        file.flush()
        return raw.getvalue().decode(encoding)


def test_destinations_are_computed_from_spans(day: Day, received: Spans) -> None:
    for offset, wait in enumerate((10, 20, 30, 40)):
        day.order(offset, wait, ValueError("no") if offset == 2 else None)
    day.send(4, 400)
    (orders,) = destinations(received.all)
    assert (orders.name, orders.sent, orders.processed, orders.errors) == ("orders", 5, 4, 1)
    assert orders.send.values == (MS,) * 5
    assert orders.queue.values == (10 * MS, 20 * MS, 30 * MS, 40 * MS)
    assert orders.process.values == (4 * MS,) * 4


def test_a_failed_handler_is_its_message_s_error_once(day: Day, received: Spans) -> None:
    sent = day.send(0, 0)
    day.process(sent, 0, 10, ValueError("first attempt"))
    day.process(sent, 0, 20, ValueError("second attempt"))
    (orders,) = destinations(received.all)
    assert (orders.processed, orders.errors) == (2, 2)


def test_a_failed_send_is_an_error_and_has_no_queue(day: Day, received: Spans) -> None:
    span = day.shop.start_span(
        "send orders",
        kind=SpanKind.PRODUCER,
        attributes={"messaging.operation.type": "send", "messaging.destination.name": "orders"},
    )
    span.set_status(Status(StatusCode.ERROR, "no broker"))
    span.end()
    (orders,) = destinations(received.all)
    assert (orders.sent, orders.errors, orders.queue.values) == (1, 1, ())
    assert "- / -" in drawn(table([orders]))


def test_a_consumer_that_is_quicker_than_the_acknowledgement_waited_for_nothing(day: Day, received: Spans) -> None:
    day.order(0, wait=-1)
    assert destinations(received.all)[0].queue.values == (0,)


def test_no_spans_no_destinations() -> None:
    assert destinations([]) == []


def test_the_telling_trace_is_a_failed_one_and_the_slowest_the_longest(day: Day, received: Spans) -> None:
    day.order(0, 10)
    day.order(1, 20, ValueError("no"))
    day.order(2, 60)
    assert telling(received.all)[0].attributes["messaging.kafka.offset"] == 1
    assert slowest(received.all)[0].attributes["messaging.kafka.offset"] == 2


def test_without_a_failure_the_telling_trace_goes_through_most_services(day: Day, received: Spans) -> None:
    day.send(0, 0)
    day.order(1, 10)
    day.order(2, 10)
    assert telling(received.all)[0].attributes["messaging.kafka.offset"] == 1


def test_a_trace_is_drawn_as_a_tree(day: Day, received: Spans) -> None:
    day.order(0, 10, ValueError("card [bold]0002[/bold]"))
    trace = telling(received.all)
    assert drawn(tree(trace)) == (
        f"trace {trace[0].trace_id}\n"
        "└── shop  send orders  producer  1.00 ms  +0.00 ms\n"
        "    └── payments  process orders  consumer  4.00 ms  +11.0 ms\n"
        "        └── payments  process order.placed  internal  2.00 ms  +12.0 ms\n"
        "            ERROR ValueError: card [bold]0002[/bold]\n"
    )


def test_a_span_whose_parent_is_missing_is_drawn_at_the_top(day: Day, received: Spans) -> None:
    day.order(0, 10)
    orphans = [span for span in received.all if span.kind != "PRODUCER"]
    assert drawn(tree(orphans)).splitlines()[1] == "└── payments  process orders  consumer  4.00 ms  +0.00 ms"


def test_the_report_needs_no_more_than_ascii_and_80_columns(day: Day, received: Spans) -> None:
    day.order(0, 10)
    assert "`-- shop  send orders" in drawn(tree(telling(received.all)), encoding="ascii")
    lines = drawn(table(destinations(received.all)), encoding="ascii").splitlines()
    assert lines[-1].replace("|", " ").split() == [
        "orders",
        "1",
        "1",
        "0",
        *["1.00", "/", "1.00", "10.0", "/", "10.0", "4.00", "/", "4.00"],
    ]


@given(st.lists(st.integers(0, 10**12), min_size=1), st.floats(0, 1))
def test_a_quantile_is_the_smallest_value_that_so_many_do_not_exceed(values: list[int], share: float) -> None:
    quantile = Times(tuple(sorted(values))).quantile(share)
    assert quantile in values
    assert sum(value <= quantile for value in values) >= share * len(values)
    assert sum(value < quantile for value in values) <= share * len(values)


@pytest.mark.parametrize(
    ("nanoseconds", "text"), [(None, "-"), (0, "0.00"), (1_234_567, "1.23"), (12_345_678, "12.3"), (123_456_789, "123")]
)
def test_milliseconds(nanoseconds: int | None, text: str) -> None:
    assert milliseconds(nanoseconds) == text
