"""What EDA703 (telemetry incomplete) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from diagnosis.telemetry import BEGIN, SECOND, flow, metric, pairs

from .helpers import LIKELY, SUSPECT, counted_by_ledger, export, only, processed

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def test_fewer_spans_than_messages(diagnose: Diagnose) -> None:
    made = flow()
    processed(made, 45)
    finding = only(diagnose(made.world).findings, "EDA703")
    assert (finding.verdict, finding.service, finding.count) == (LIKELY, "billing", 5)


@pytest.mark.parametrize(
    ("results", "verdict", "cause"),
    [
        ([], SUSPECT, "sampled"),
        (["RECORD_AND_SAMPLE", "DROP"], SUSPECT, "sampled"),
        (["RECORD_AND_SAMPLE"], LIKELY, "lost"),
    ],
)
def test_what_was_sampled_is_missing_all_the_same(
    diagnose: Diagnose, results: list[str], verdict: Verdict, cause: str
) -> None:
    made = flow()
    counted = metric("process", 400, BEGIN + 100 * SECOND, {"messaging.destination.name": "orders"})
    points = [
        {"timeUnixNano": str(BEGIN), "asInt": "9", "attributes": pairs({"otel.span.sampling_result": result})}
        for result in results
    ]
    started = {"name": "otel.sdk.span.started", "sum": {"dataPoints": points}}
    export(made, counted, *([started] if points else []))
    finding = only(diagnose(made.world).findings, "EDA703")
    assert (finding.verdict, finding.count) == (verdict, 360)
    assert cause in finding.cause


def test_a_sampler_that_kept_more_than_half_is_a_sampler(diagnose: Diagnose) -> None:
    made = flow()
    points = [
        {"timeUnixNano": str(BEGIN), "asInt": "9", "attributes": pairs({"otel.span.sampling_result": result})}
        for result in ("RECORD_AND_SAMPLE", "DROP")
    ]
    processed(made, 45)
    export(made, {"name": "otel.sdk.span.started", "sum": {"dataPoints": points}})
    finding = only(diagnose(made.world).findings, "EDA703")
    assert (finding.verdict, finding.count) == (SUSPECT, 5)


def test_orphans(diagnose: Diagnose) -> None:
    made = flow()
    made.works[3].json["parentSpanId"] = "00" * 7 + "01"
    assert "parents of some spans" in only(diagnose(made.world, "EDA703").findings, "EDA703").cause


def test_our_own_failures(diagnose: Diagnose) -> None:
    made = flow()
    counted_by_ledger(made, "eda.telemetry.failures", 3)
    finding = only(diagnose(made.world, "EDA703").findings, "EDA703")
    assert (finding.verdict, finding.count) == (LIKELY, 3)


def test_what_the_sdk_dropped(diagnose: Diagnose) -> None:
    made = flow()
    point: dict[str, Any] = {
        "timeUnixNano": str(BEGIN + 100 * SECOND),
        "asInt": "7",
        "attributes": pairs({"error.type": "queue_full"}),
    }
    dropped = {"name": "otel.sdk.processor.span.processed", "sum": {"dataPoints": [point]}}
    export(made, dropped)
    finding = only(diagnose(made.world).findings, "EDA703")
    assert (finding.verdict, finding.count) == (LIKELY, 7)
