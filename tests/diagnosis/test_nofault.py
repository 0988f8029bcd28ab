"""Runs without a fault in them, though they look as if: nothing is confirmed, and little is found at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_eda.diagnosis.finding import Verdict

from .conftest import diagnosed
from .telemetry import BEGIN, SECOND, Flow, Telemetry, flow, metric, scoped

if TYPE_CHECKING:
    from .conftest import Diagnose


def codes(world: Telemetry, diagnose: Diagnose) -> dict[str, Verdict]:
    found = diagnose(world, grace=1.0).findings
    assert [finding for finding in found if finding.verdict is Verdict.CONFIRMED] == []
    return {finding.code: finding.verdict for finding in found}


def real_counts(made: Flow) -> None:
    """Have metrics count every message, whatever becomes of the spans afterwards."""
    made.world.metrics = False
    for service, type_ in ((made.shop, "send"), (made.billing, "process")):
        counted = metric(type_, 40, BEGIN + 100 * SECOND, {"messaging.destination.name": "orders"})
        made.world.extra.append(scoped(service, "resourceMetrics", "scopeMetrics", "metrics", [counted]))


def test_a_rolling_deploy(diagnose: Diagnose) -> None:
    made = flow(40, 2, skip=set(range(20, 40)))
    new = made.world.service("billing", group="billing", host="host-2")
    for turn in range(20, 40):
        new.process(made.messages[turn], turn * 0.1 + 0.5)
        new.commit("orders", turn * 0.1 + 0.51, turn // 2 + 1, turn % 2)
    assert codes(made.world, diagnose) == {}


def test_compaction_and_aborted_transactions_leave_gaps(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip={7, 8, 9, 20})
    # Acknowledged by the broker, but never to be seen by a reader: it cannot be told from a jump.
    assert codes(made.world, diagnose) == {"EDA104": Verdict.LIKELY}


def test_an_archive_that_nobody_reads(diagnose: Diagnose) -> None:
    made = flow()
    for turn in range(40):
        made.shop.send("archive", turn * 0.1, turn)
    assert codes(made.world, diagnose) == {"EDA107": Verdict.LIKELY}


def test_one_percent_of_traces(diagnose: Diagnose) -> None:
    made = flow()
    real_counts(made)
    kept = {made.messages[turn].span.trace for turn in (3, 30)}
    for service in (made.shop, made.billing):
        service.spans = [span for span in service.spans if span.trace in kept or span.json["kind"] == 1]
    assert codes(made.world, diagnose) == {"EDA703": Verdict.SUSPECT}


def test_each_side_samples_by_itself(diagnose: Diagnose) -> None:
    made = flow()
    real_counts(made)
    made.billing.spans = [span for turn, span in enumerate(made.billing.spans) if turn % 7 == 0 or turn > 78]
    assert set(codes(made.world, diagnose)) <= {"EDA104", "EDA703"}


def test_an_outage_of_the_exporter(diagnose: Diagnose) -> None:
    made = flow()
    real_counts(made)
    gone = range(10, 20)
    made.billing.spans = [
        span for span in made.billing.spans if not any(span.trace == made.messages[turn].span.trace for turn in gone)
    ]
    found = codes(made.world, diagnose)
    assert found["EDA703"] is Verdict.LIKELY
    assert found.get("EDA104", Verdict.SUSPECT) is Verdict.SUSPECT


def test_long_jobs(diagnose: Diagnose) -> None:
    made = flow(40, 2, skip={12})
    made.billing.process(made.messages[12], 1.2, took=45.0)
    assert set(codes(made.world, diagnose)) <= {"EDA502"}


def test_a_retry_that_helps(diagnose: Diagnose) -> None:
    made = flow(40, 2, skip={12})
    for turn in range(2):
        made.billing.process(made.messages[12], 1.21 + turn, error="Timeout")
    made.billing.process(made.messages[12], 4.0)
    assert codes(made.world, diagnose) == {}


def test_a_broadcast_without_groups(diagnose: Diagnose) -> None:
    made = flow()
    for number in range(3):
        reader = made.world.service("screen", host=f"host-{number}")
        for turn, message in enumerate(made.messages):
            reader.process(message, turn * 0.1 + 0.04)
    assert codes(made.world, diagnose) == {}


def test_a_planned_replay(diagnose: Diagnose) -> None:
    made = flow()
    again = made.world.service("billing", group="billing")
    for turn, message in enumerate(made.messages):
        again.process(message, 20.0 + turn * 0.1)
    assert codes(made.world, diagnose) == {"EDA202": Verdict.LIKELY}


@pytest.mark.parametrize("skew", [180.0, -180.0])
def test_a_clock_that_is_minutes_off_is_all_that_is_found(diagnose: Diagnose, skew: float) -> None:
    made = flow(40, 2, skew=skew, host="host-2")
    found = {finding.code for finding in diagnose(made.world).findings}
    assert found == (set() if skew > 0 else {"EDA702"})


@pytest.mark.timeout(300)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_goes_well_is_not_confirmed_as_a_fault(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    world = Telemetry(data.draw(st.integers(0, 1000)))
    shop = world.service("shop")
    members = [
        world.service("billing", group="billing", host=f"host-{number}", skew=data.draw(st.sampled_from([0.0, 90.0])))
        for number in range(data.draw(st.integers(1, 3)))
    ]
    partitions = data.draw(st.integers(1, 3))
    owner = [data.draw(st.sampled_from(members)) for _ in range(partitions)]
    free = [0.0] * partitions
    for turn in range(data.draw(st.integers(5, 40))):
        partition, offset, at = turn % partitions, turn // partitions, turn * 0.1
        message = shop.send("orders", at, offset, partition)
        if data.draw(st.integers(0, 9)) == 0:
            owner[partition] = data.draw(st.sampled_from(members))
        begin = max(at + 0.01, free[partition])
        if data.draw(st.integers(0, 9)) == 0:
            owner[partition].process(message, begin, 0.05, error="Timeout")
            begin += 0.1
        took = data.draw(st.sampled_from([0.001, 0.02, 0.4]))
        owner[partition].process(message, begin, took)
        owner[partition].commit("orders", begin + took, offset + 1, partition)
        free[partition] = begin + took + 0.002
    for service in (shop, *members):
        service.other("still here", 100.0, 0.01)
    found = diagnosed(world.write(tmp_path_factory.mktemp("well")), grace=1.0).findings
    assert [finding for finding in found if finding.verdict is Verdict.CONFIRMED] == []
