"""What EDA401 (handler failing) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import Telemetry, flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, logged, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def test_many_messages(diagnose: Diagnose) -> None:
    made = flow(skip=set(range(10, 15)))
    for turn in range(10, 15):
        made.billing.process(made.messages[turn], turn * 0.1, error="KeyError")
    finding = only(diagnose(made.world, "EDA401").findings, "EDA401")
    assert (finding.verdict, finding.count, finding.error) == (CONFIRMED, 5, "KeyError")
    assert "own work" in finding.cause


def test_because_of_what_it_calls(diagnose: Diagnose) -> None:
    made = flow(skip=set(range(10, 15)))
    for turn in range(10, 15):
        span = made.billing.process(made.messages[turn], turn * 0.1, error="Timeout")
        made.billing.other("GET", turn * 0.1, 0.001, span, said={"error.type": "Timeout"}, kind=3)
    assert "call that the handler makes" in only(diagnose(made.world, "EDA401").findings, "EDA401").cause


def test_errors_that_passed_are_less(diagnose: Diagnose) -> None:
    made = flow(skip=set(range(10, 15)))
    for turn in range(10, 15):
        made.billing.process(made.messages[turn], turn * 0.1, error="Timeout")
        made.billing.process(made.messages[turn], turn * 0.1 + 0.05)
    assert only(diagnose(made.world, "EDA401").findings, "EDA401").verdict is LIKELY


@pytest.mark.parametrize(("one", "verdict"), [("event", LIKELY), ("another", CONFIRMED)])
def test_a_copy_of_what_was_done_may_be_refused_by_an_exception(diagnose: Diagnose, one: str, verdict: Verdict) -> None:
    made = flow()
    for turn in range(5):
        first, copy = (made.shop.send("orders", 4.0 + turn * 0.1 + late, 20 + turn * 2 + late) for late in (0, 1))
        made.billing.process(first, 4.05 + turn * 0.1, said={"messaging.message.id": f"event-{turn}"})
        said = {"messaging.message.id": f"{one}-{turn}"}
        made.billing.process(copy, 5.05 + turn * 0.1, error="UniqueViolation", said=said)
    assert only(diagnose(made.world, "EDA401").findings, "EDA401").verdict is verdict


@pytest.mark.parametrize(
    ("first", "again", "verdicts"),
    [
        ("KeyError", [], [CONFIRMED]),
        ("KeyError", ["KeyError", "KeyError"], [CONFIRMED]),  # each for the last time
        ("KeyError", [None, None, None], [LIKELY]),  # they may be the same
        (None, ["KeyError"] * 12, [SUSPECT]),  # it may be a single one
    ],
)
def test_nobody_knows_which_message_without_a_context_comes_again(
    diagnose: Diagnose, first: str | None, again: list[str | None], verdicts: list[Verdict]
) -> None:
    world = Telemetry()
    billing = world.service("billing", system="rabbitmq")
    for turn in range(20):
        billing._span("process", "orders", turn * 0.1, 0.01, {"error.type": first if turn in {3, 9, 15} else None})
    for turn, error in enumerate(again):
        said = {"error.type": error, "eda.message.redelivered": True}
        billing._span("process", "orders", 5.0 + turn * 0.1, 0.01, said)
    billing.other("still here", 60.0, 0.01)
    assert [finding.verdict for finding in diagnose(world, "EDA401").findings] == verdicts


def test_one_bad_message_is_another_matter(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    for turn in range(5):
        made.billing.process(made.messages[12], 1.3 + turn, error="KeyError")
    found = diagnose(made.world, "EDA4").findings
    assert [finding.code for finding in found] == ["EDA402"]


@pytest.mark.parametrize(("number", "found"), [(12, 1), (2, 0)])
def test_exceptions_that_are_logged_only(diagnose: Diagnose, number: int, found: int) -> None:
    made = flow()
    for work in made.works[:number]:
        logged(made, work, "ConnectionError")
    findings = diagnose(made.world, "EDA401").findings
    assert [(item.verdict, item.count, item.error) for item in findings] == [(SUSPECT, 12, "ConnectionError")] * found


@pytest.mark.parametrize(("failures", "found"), [(1, 0), (2, 0), (3, 1)])
def test_a_batch_that_one_call_was_given_is_one_failure(diagnose: Diagnose, failures: int, found: int) -> None:
    made = flow(100, 1, skip=set(range(30)))
    for turn in range(3):
        batch = made.messages[turn * 10 : turn * 10 + 10]
        error = "Deadlock" if turn < failures else None
        work = made.billing.process(batch[0], 3.0 + turn, error=error, said={"messaging.kafka.offset": None})
        work.json["links"] = [message.link for message in batch]
    findings = diagnose(made.world, "EDA401").findings
    assert [(item.verdict, item.count) for item in findings] == [(CONFIRMED, 30)] * found
