"""What EDA406 (unhandled event) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import BEGIN, SECOND, Flow, flow, pairs

from .helpers import LIKELY, SUSPECT, export, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def unhandled(made: Flow, *handled: str) -> None:
    """Dispatch `day.closed`, which no handler runs for; those of other events do."""
    said = pairs({"eda.event.type": "day.closed"})
    made.works[3].json["events"] = [
        {"name": "eda.event.unhandled", "timeUnixNano": str(BEGIN + SECOND), "attributes": said}
    ]
    point = {"timeUnixNano": str(BEGIN + 9 * SECOND), "asInt": "2", "attributes": said}
    counted = {"name": "eda.unhandled.events", "sum": {"dataPoints": [point], "aggregationTemporality": 2}}
    export(made, counted)
    for event in handled:
        made.billing.other(f"process {event}", 9.0, 0.1, said={"eda.event.type": event, "code.function.name": "f"})


@pytest.mark.parametrize(
    ("handled", "verdict", "cause"),
    [
        ("order.placed", SUSPECT, "was ever seen"),
        ("day.closed", LIKELY, "it is gone"),
        ("day.close", LIKELY, "nearly the same name"),
    ],
)
def test_by_its_metric_and_its_event_once(diagnose: Diagnose, handled: str, verdict: Verdict, cause: str) -> None:
    made = flow()
    unhandled(made, handled)
    finding = only(diagnose(made.world).findings, "EDA406")
    assert (finding.verdict, finding.service, finding.count) == (verdict, "billing", 2)
    assert finding.trace_ids == (made.works[3].trace,)
    assert cause in finding.cause


def test_the_nearest_of_two_that_are_called_alike_is_named(diagnose: Diagnose) -> None:
    made = flow()
    unhandled(made, "day.clos", "day.close")
    assert str(only(diagnose(made.world).findings, "EDA406").detail).endswith("there is one for day.close")


def test_signals_that_a_framework_offers_are_none(diagnose: Diagnose) -> None:
    made = flow()
    unhandled(made)
    assert diagnose(made.world).findings == ()
