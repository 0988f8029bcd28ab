"""What EDA402 (poison message) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, logged, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from diagnosis.telemetry import Flow
    from otel_eda.diagnosis.finding import Verdict


@pytest.mark.parametrize(("error", "verdict"), [("KeyError", CONFIRMED), ("kafka.errors.CommitFailedError", LIKELY)])
def test_every_attempt_fails_alike(diagnose: Diagnose, error: str, verdict: Verdict) -> None:
    made = flow(skip={12})
    for turn in range(3):
        made.billing.process(made.messages[12], 1.3 + turn, error=error)
    finding = only(diagnose(made.world, "EDA402").findings, "EDA402")
    assert (finding.verdict, finding.count, finding.partition, finding.offsets) == (verdict, 3, "0", (6, 6))


def test_the_handler_s_error_is_told_where_the_loop_s_is_not_known(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    for turn in range(3):
        failed = made.billing.process(made.messages[12], 1.21 + turn * 0.1, error="_OTHER")
        said = {"eda.event.type": "order", "code.function.name": "charge", "error.type": "KeyError"}
        made.billing.other("process order", 1.21 + turn * 0.1, 0.001, failed, said=said)
    finding = only(diagnose(made.world, "EDA402").findings, "EDA402")
    assert finding.error == "KeyError"
    assert "KeyError it is" in str(finding.detail)


@pytest.mark.parametrize(("tries", "found"), [(1, 0), (3, 1)])
def test_of_several_layers_only_the_innermost_is_an_attempt(diagnose: Diagnose, tries: int, found: int) -> None:
    made = flow(skip={12})
    for turn in range(tries):
        for layer in range(3):
            at = 1.3 + turn + layer * 0.001
            made.billing.process(made.messages[12], at, 0.01 - layer * 0.002, error="KeyError")
    assert [finding.count for finding in diagnose(made.world, "EDA402").findings] == [3] * found


def test_an_error_that_passed_is_none(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    for turn in range(3):
        made.billing.process(made.messages[12], 1.3 + turn, error="KeyError")
    made.billing.process(made.messages[12], 5.0)
    assert diagnose(made.world, "EDA402").findings == ()


def test_an_outage_is_none(diagnose: Diagnose) -> None:
    made = flow(skip=set(range(20, 40)))
    for turn in range(60):
        made.billing.process(made.messages[20 + turn % 20], 5.0 + turn * 0.1, error="Timeout")
    assert diagnose(made.world, "EDA402").findings == ()


def seek_back(made: Flow, times: int, clean: int) -> None:
    for turn in range(times):
        attempt = made.billing.process(made.messages[39], 5.0 + turn)
        if turn != clean:
            logged(made, attempt, "KeyError")


@pytest.mark.parametrize(("times", "clean", "found"), [(4, -1, 1), (2, -1, 0), (4, 3, 0), (4, 1, 0)])
def test_a_member_goes_back_each_time_that_an_error_was_logged(
    diagnose: Diagnose, times: int, clean: int, found: int
) -> None:
    made = flow(skip={39}, committed=18)
    seek_back(made, times, clean)
    findings = diagnose(made.world, "EDA402").findings
    assert [(one.verdict, one.count, one.offsets) for one in findings] == [(LIKELY, 4, (19, 19))] * found


def test_who_gets_past_it_in_the_end_may_have_found_another_way(diagnose: Diagnose) -> None:
    made = flow(skip={37, 39}, committed=18)
    for turn in range(3):
        logged(made, made.billing.process(made.messages[37], 5.0 + turn), "KeyError")
    made.billing.process(made.messages[39], 9.0)
    assert only(diagnose(made.world, "EDA402").findings, "EDA402").verdict is SUSPECT


def test_a_replay_in_which_an_error_is_logged_is_none(diagnose: Diagnose) -> None:
    made = flow(skip={37, 39}, committed=18)
    for turn in range(4):
        logged(made, made.billing.process(made.messages[37], 5.0 + turn), "KeyError")
        made.billing.process(made.messages[39], 5.5 + turn)
    assert diagnose(made.world, "EDA402").findings == ()


def poll_in_vain(made: Flow, times: int) -> None:
    for turn in range(times):
        said = {
            "messaging.system": "kafka",
            "messaging.operation.name": "poll",
            "messaging.operation.type": "receive",
            "messaging.consumer.group.name": "billing",
            "error.type": "ValueError",
        }
        made.billing.other("poll", 10.0 + turn, 0.01, said=said, kind=3)


@pytest.mark.parametrize(("starts", "later"), [(3, False), (2, False), (3, True)])
def test_readers_without_a_group_that_end_at_one_message(diagnose: Diagnose, starts: int, later: bool) -> None:
    made = flow(6, 1)
    for start in range(starts):
        reader = made.world.service("prices", group=None)
        for turn, message in enumerate(made.messages[:4]):
            reader.process(message, 10.0 * start + 5 + turn, error="TypeError" if turn == 3 else None)
        if later:  # it went on
            reader.process(made.messages[4], 10.0 * start + 9)
    found = [finding for finding in diagnose(made.world, "EDA402").findings if finding.service == "prices"]
    told = [(one.verdict, one.offsets, one.count) for one in found]
    assert told == ([(LIKELY, (3, 3), 3)] if starts == 3 and not later else [])


def test_a_message_that_no_poll_gets_by(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip=set(range(12, 40)))
    poll_in_vain(made, 3)
    finding = only(diagnose(made.world, "EDA402").findings, "EDA402")
    assert (finding.verdict, finding.count, finding.partition, finding.offsets) == (SUSPECT, 3, "0", (12, 12))
    assert "polls fail" in finding.cause


@pytest.mark.parametrize(("times", "on"), [(2, False), (3, True)])
def test_polls_that_failed_seldom_or_for_a_while_are_none(diagnose: Diagnose, times: int, on: bool) -> None:
    made = flow(40, 1, skip=set(range(12, 40)))
    poll_in_vain(made, times)
    if on:
        made.billing.process(made.messages[12], 20.0)
    assert diagnose(made.world, "EDA402").findings == ()


@pytest.mark.parametrize(("times", "found"), [(3, [(SUSPECT, (20, 24))]), (2, [])])
def test_a_batch_past_which_the_group_does_not_get(
    diagnose: Diagnose, times: int, found: list[tuple[Verdict, tuple[int, int]]]
) -> None:
    made = flow(40, 1, skip=set(range(20, 40)))
    for turn in range(times):
        made.billing.receive(made.messages[20:25], 5.0 + turn)
    findings = diagnose(made.world, "EDA402").findings
    assert [(one.verdict, one.offsets) for one in findings] == found


def test_one_process_after_the_other_ends_with_it_and_may_wait_for_another_message(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip=set(range(20, 40)))
    made.billing.spans = [one for one in made.billing.spans if one.json["name"] != "still here"]
    starts = [made.billing, *(made.world.service("billing", group="billing") for _ in range(3))]
    for turn, start in enumerate(starts):
        start.process(made.messages[20], 3.0 + turn, error="KeyError")
    finding = only(diagnose(made.world, "EDA402").findings, "EDA402")
    assert (finding.verdict, finding.offsets) == (LIKELY, (20, 20))
