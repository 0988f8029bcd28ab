"""What EDA602 (rebalance storm) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow

from .helpers import LIKELY, SUSPECT, counted_by_ledger, only, reported

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def test_by_what_members_tell(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip=set(range(40)))
    other = made.world.service("billing", group="billing")
    for turn, message in enumerate(made.messages):
        owner = made.billing if turn // 4 % 2 else other
        owner.process(message, turn * 0.1)
        if not turn % 4:
            reported(made, "eda.consumer.assigned", turn * 0.1 - 0.01, owner)
    finding = only(diagnose(made.world, "EDA602").findings, "EDA602")
    assert (finding.verdict, finding.count, len(finding.instances)) == (LIKELY, 1, 2)
    assert "10 times a member was given" in str(finding.detail)


def test_a_deploy_that_members_tell_of_is_none(diagnose: Diagnose) -> None:
    made = flow()
    for turn in range(3):
        reported(made, "eda.consumer.assigned", float(turn), made.world.service("billing", group="billing"))
    assert diagnose(made.world, "EDA602").findings == ()


def test_a_deploy_that_stops_the_whole_group_each_time_is_not_sure(diagnose: Diagnose) -> None:
    made = flow()
    members = [made.world.service("billing", group="billing") for _ in range(3)]
    for turn in range(7):  # each goes and comes, and each time all are given theirs anew
        reported(made, "eda.consumer.assigned", turn * 2.0, members[turn % 3])
    finding = only(diagnose(made.world, "EDA602").findings, "EDA602")
    assert (finding.verdict, finding.gates) == (SUSPECT, ())


@pytest.mark.parametrize(("together", "verdict"), [(3, SUSPECT), (1, LIKELY)])
def test_each_member_is_replaced_once_or_many_come_and_go(diagnose: Diagnose, together: int, verdict: Verdict) -> None:
    made = flow(40, 1, skip=set(range(40)))
    members = [made.world.service("billing", group="billing") for _ in range(6 if together > 1 else 12)]
    for turn, member in enumerate(members):
        for part in range(3 * together):  # it stays until others have replaced it
            member.process(made.messages[turn * 3 % 40], turn + part / 3)
        reported(made, "eda.consumer.assigned", float(turn), member)
        if together > 1 and turn >= together:
            reported(made, "eda.consumer.assigned", turn + 0.5, member)
    finding = only(diagnose(made.world, "EDA602").findings, "EDA602")
    assert finding.verdict is verdict
    assert together > 1 or "new members come and go" in finding.cause


def test_who_works_within_another_s_attempts_is_no_member(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip=set(range(40)))
    workers = [made.world.service("worker", group="billing") for _ in range(2)]
    for turn, message in enumerate(made.messages):
        made.billing.process(message, turn * 0.1, 0.05)
        workers[turn % 2].process(message, turn * 0.1 + 0.01, 0.03)
    assert diagnose(made.world, "EDA602").findings == ()


def test_partitions_change_hands_again_and_again(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip=set(range(40)))
    other = made.world.service("billing", group="billing")
    for turn, message in enumerate(made.messages):
        (made.billing if turn // 4 % 2 else other).process(message, turn * 0.1)
    finding = only(diagnose(made.world, "EDA602").findings, "EDA602")
    assert (finding.verdict, finding.count) == (LIKELY, 9)


@pytest.mark.parametrize(("number", "found"), [(24, 1), (4, 0)])
def test_by_the_consumers_own_count(diagnose: Diagnose, number: int, found: int) -> None:
    made = flow()
    counted_by_ledger(made, "eda.consumer.assignments", number)
    assert len(diagnose(made.world, "EDA602").findings) == found


def test_a_deploy_is_none(diagnose: Diagnose) -> None:
    made = flow(40, 2, skip=set(range(20, 40)))
    other = made.world.service("billing", group="billing")
    for message in made.messages[20:]:
        other.process(message, 5.0)
    assert diagnose(made.world, "EDA602").findings == ()


def test_who_has_no_group_takes_nothing_from_anybody(diagnose: Diagnose) -> None:
    made = flow()
    for turn in range(14):
        reported(made, "eda.consumer.assigned", turn * 1.0, made.world.service("api"))
    assert diagnose(made.world, "EDA602").findings == ()


@pytest.mark.parametrize(("both", "verdict"), [(True, None), (False, SUSPECT)])
def test_two_groups_of_one_name_may_take_nothing_from_each_other(
    diagnose: Diagnose, both: bool, verdict: Verdict | None
) -> None:
    made = flow(40, 1, skip=set(range(40)))
    other = made.world.service("billing", group="billing")
    for turn, message in enumerate(made.messages):
        if both or turn % 2:
            made.billing.process(message, turn * 0.1)
        if both or not turn % 2:
            other.process(message, turn * 0.1 + 0.05, said={"server.address": "another-broker"})
    assert {finding.verdict for finding in diagnose(made.world, "EDA602").findings} == ({verdict} if verdict else set())


@pytest.mark.parametrize("apart", [0, 50])
def test_members_that_go_on_by_themselves_have_two_logs(diagnose: Diagnose, apart: int) -> None:
    made = flow(0)
    for number in range(2):
        shop, billing = made.world.service("shop"), made.world.service("billing", group="billing")
        for turn in range(20):
            billing.process(
                shop.send("orders", turn * 0.1, 500 + turn + number * apart), turn * 0.1 + 0.01 + number * 0.02
            )
    assert diagnose(made.world, "EDA602").findings == ()
