"""Findings as people ask for them: the cause first, one row for one fault, and what a report draws of single events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_eda.diagnosis import charts, facts
from otel_eda.diagnosis.finding import Evidence
from otel_eda.diagnosis.reports.plain import place
from otel_eda.diagnosis.reports.rows import rows
from otel_eda.diagnosis.settings import SECOND, Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .telemetry import Telemetry, flow

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Diagnose
    from .telemetry import Span


def test_one_fault_at_several_destinations_is_one_row(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop = world.service("shop")
    for number in range(5):
        shop.send(f"topic-{number}", number, error="MSG_SIZE_TOO_LARGE")
        shop.send(f"topic-{number}", number + 0.5, error="MSG_SIZE_TOO_LARGE")
    shop.send("topic-0", 9.0, error="TOPIC_AUTHORIZATION_FAILED")
    size, authorization = sorted(rows(diagnose(world, "EDA101").findings), key=lambda row: -row.count)
    assert (size.count, size.place()) == (10, "shop → topic-0, topic-1, topic-2, 2 more")
    assert (authorization.count, authorization.place()) == (1, "shop → topic-0")
    assert size.times(date=False) == ("14:13:20", "14:13:24")


def test_two_different_errors_of_a_handler_are_two_findings(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip=set(range(0, 40, 4)))
    for turn in range(0, 40, 4):
        made.billing.process(made.messages[turn], turn / 10 + 0.01, error="KeyError" if turn % 8 else "Timeout")
    assert {finding.error for finding in diagnose(made.world, "EDA401").findings} == {"KeyError", "Timeout"}


def test_a_cause_is_shown_before_what_it_caused(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    for attempt in range(3):
        made.billing.process(made.messages[12], 1.21 + attempt, error="KeyError")
    found = [row.first for row in rows(diagnose(made.world).findings)]
    codes = [finding.code for finding in found]
    assert codes.index("EDA402") < codes.index("EDA104")
    assert any("EDA402" in because for because in found[codes.index("EDA104")].because)


def test_the_arrow_tells_who_sends_and_who_reads(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.shop.send("orders", 3.0, error="MSG_SIZE_TOO_LARGE")
    places = {finding.code: place(finding) for finding in diagnose(made.world).findings}
    assert places == {"EDA104": "billing ← orders [0] @6", "EDA101": "shop → orders"}


def drawn(world: Telemetry, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the flow and the queue times that a report draws."""
    with Store() as store:
        store.read([Files(str(world.write(folder)))])
        window = facts.prepare(store, Bounds())
        return charts.flow(store), charts.series(store, window.first, window.last)["waiting"]


def test_the_totals_count_what_is_not_drawn(tmp_path: Path) -> None:
    world = Telemetry()
    shop = world.service("shop")
    for number in range(charts.MOST_EDGES + 50):
        shop.send(f"reply-{number}", number / 100, 0)
    found, _ = drawn(world, tmp_path)
    assert len(found["edges"]) == charts.MOST_EDGES
    assert found["totals"] == {"send": charts.MOST_EDGES + 50}


@pytest.mark.parametrize("system", ["kafka", "rabbitmq"])
def test_a_message_that_comes_again_has_waited_since_it_was_given_back(system: str, tmp_path: Path) -> None:
    world = Telemetry()
    shop = world.service("shop", system=system)
    billing = world.service("billing", system=system, group="billing" if system == "kafka" else None)
    offset = 0 if system == "kafka" else None
    message = shop.send("orders", 0.0, offset)
    for at in (1.0, 5.0, 9.0):
        billing.process(message, at, took=3.5, error="Timeout")
    shop.other("still here", 60.0, 0.1)
    (reader,) = drawn(world, tmp_path)[1]
    waited = [point["p99"] / SECOND for point in reader["points"]]
    assert waited == pytest.approx([0.998, 0.5, 0.5])


def test_no_message_waited_for_less_than_nothing(tmp_path: Path) -> None:
    made = flow(40, 1, skew=-5.0)
    (reader,) = drawn(made.world, tmp_path)[1]
    assert {point["median"] for point in reader["points"]} == {0}


def evidence(span: Span) -> Evidence:
    rest = dict.fromkeys(Evidence.__dataclass_fields__)
    return Evidence(**rest | {"trace_id": span.trace, "span_id": span.id})


def test_a_waterfall_shows_the_one_event_and_not_the_poll_it_came_in(tmp_path: Path) -> None:
    world = Telemetry()
    shop, billing = world.service("shop"), world.service("billing", group="billing")
    sends = [shop.send("orders", turn / 10, turn) for turn in range(10)]
    poll = billing.receive(sends, 2.0)
    works = []
    for turn, message in enumerate(sends):
        works.append(billing.process(message, 3.0 + turn, error="KeyError" if turn == 3 else None))
        works[-1].json |= {"traceId": poll.trace, "parentSpanId": poll.id}
    with Store() as store:
        store.read([Files(str(world.write(tmp_path)))])
        (event,) = charts.events(store, [evidence(works[3])]).values()
    assert {span["id"] for span in event} == {sends[3].span.id, works[3].id}
    assert [span["error"] for span in event] == [None, "KeyError KeyError it is"]
