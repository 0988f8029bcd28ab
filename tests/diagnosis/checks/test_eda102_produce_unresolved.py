"""What EDA102 (produce unresolved) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import BEGIN, SECOND, Flow, flow, pairs, scoped

from .helpers import CONFIRMED, SUSPECT, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_a_send_without_an_answer_is_told(diagnose: Diagnose) -> None:
    made = flow()
    lost = made.shop.send("orders", 5.0, error="eda.unresolved")
    finding = only(diagnose(made.world).findings, "EDA102")
    assert (finding.verdict, finding.trace_ids, finding.count) == (CONFIRMED, (lost.span.trace,), 1)


def test_an_application_that_stopped_waiting_is_told_so(diagnose: Diagnose) -> None:
    made = flow()
    given_up = made.shop.send("orders", 5.0, error="eda.unresolved")
    given_up.span.json["status"]["message"] = "nobody waits for the broker's answer any more"
    finding = only(diagnose(made.world).findings, "EDA102")
    assert "stopped waiting" in finding.cause


def test_a_message_that_arrived_is_not_unresolved(diagnose: Diagnose) -> None:
    made = flow()
    made.billing.process(made.shop.send("orders", 5.0, error="eda.unresolved"), 5.1)
    assert diagnose(made.world, "EDA102").findings == ()


def last_measured(made: Flow, **readings: tuple[float, int]) -> None:
    """Have a sender that then vanishes measure these at such seconds."""
    gone = made.world.service("shop")
    said = pairs({"messaging.system": "kafka", "messaging.destination.name": "orders"})
    metrics = [
        {"name": f"eda.producer.{name}", "gauge": {"dataPoints": [_point(at, value, said)]}}
        for name, (at, value) in readings.items()
    ]
    made.world.extra.append(scoped(gone, "resourceMetrics", "scopeMetrics", "metrics", metrics))


def _point(at: float, value: int, said: list[dict[str, object]]) -> dict[str, object]:
    return {"timeUnixNano": str(BEGIN + round(at * SECOND)), "asInt": str(value), "attributes": said}


@pytest.mark.parametrize(("number", "later", "found"), [(20, 10.01, 1), (20, 15.0, 0), (0, 10.01, 0)])
def test_what_a_process_had_sent_that_vanished(diagnose: Diagnose, number: int, later: float, found: int) -> None:
    """Its last collection may take a moment. If there is a later one without a producer, that one was closed."""
    made = flow()
    last_measured(made, in_flight=(10.0, number), closed=(later, 1))
    findings = diagnose(made.world, "EDA102").findings
    assert [(one.verdict, one.count) for one in findings] == [(SUSPECT, 20)] * found
