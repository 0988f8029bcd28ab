"""What EDA202 (reprocessed) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import SECOND, flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, counted_by_ledger, only, opened, reported

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def test_by_the_same_member(diagnose: Diagnose) -> None:
    made = flow()
    again = made.billing.process(made.messages[6], 10.0)
    finding = only(diagnose(made.world).findings, "EDA202")
    assert (finding.verdict, finding.partition, finding.offsets) == (LIKELY, "0", (3, 3))
    assert again.id in finding.span_ids
    assert "had committed the message" in finding.cause


@pytest.mark.parametrize(("number", "verdict"), [(24, CONFIRMED), (25, LIKELY)])
def test_by_another_member_before_it_was_committed(diagnose: Diagnose, number: int, verdict: Verdict) -> None:
    made = flow(committed=12)
    other = made.world.service("billing", group="billing")
    for message in made.messages[30:]:
        other.process(message, 10.0 + (message.offset or 0))
    counted_by_ledger(made, "eda.commits", number)
    finding = only(diagnose(made.world, "EDA202").findings, "EDA202")
    assert (finding.verdict, finding.count, finding.instances) == (verdict, 10, ("billing-0", "billing-1"))


@pytest.mark.parametrize(("after", "verdict"), [(0.3, SUSPECT), (9.0, LIKELY)])
def test_two_clusters_of_which_one_mirrors_the_other(diagnose: Diagnose, after: float, verdict: Verdict) -> None:
    made = flow(40, 1)
    mirror = made.world.service("billing", group="billing")
    for message in made.messages[20:]:
        mirror.process(message, (message.offset or 0) * 0.1 + after, said={"server.address": "mirror"})
    assert only(diagnose(made.world, "EDA202").findings, "EDA202").verdict is verdict


@pytest.mark.parametrize(("took", "verdict"), [(0.02, CONFIRMED), (0.0004, LIKELY)])
def test_a_handler_that_is_quick_may_know_the_message(diagnose: Diagnose, took: float, verdict: Verdict) -> None:
    made = flow(committed=12)
    for work in made.works[30:]:
        work.json["endTimeUnixNano"] = str(int(work.json["startTimeUnixNano"]) + SECOND // 50)
    other = made.world.service("billing", group="billing")
    for message in made.messages[30:]:
        other.process(message, 10.0 + (message.offset or 0), took)
    counted_by_ledger(made, "eda.commits", 24)
    assert only(diagnose(made.world, "EDA202").findings, "EDA202").verdict is verdict


@pytest.mark.parametrize(("slow", "verdict"), [(1, LIKELY), (25, CONFIRMED)])
def test_a_handler_that_knows_most_messages_may_know_all(diagnose: Diagnose, slow: int, verdict: Verdict) -> None:
    made = flow(committed=12)
    for work in made.works[30:]:
        work.json["endTimeUnixNano"] = str(int(work.json["startTimeUnixNano"]) + SECOND // 50)
    other = made.world.service("billing", group="billing")
    for number, message in enumerate(made.messages[30:]):
        other.process(message, 10.0 + (message.offset or 0), 0.02 if number < slow else 0.001)
    counted_by_ledger(made, "eda.commits", 24)
    verdicts = [finding.verdict for finding in diagnose(made.world, "EDA202").findings]
    assert max(verdicts) is verdict


def test_by_the_ledger_if_no_span_was_kept(diagnose: Diagnose) -> None:
    made = flow()
    counted_by_ledger(made, "eda.reprocessed.messages", 7)
    finding = only(diagnose(made.world).findings, "EDA202")
    assert (finding.verdict, finding.count, finding.service) == (LIKELY, 7, "billing")


def test_by_another_machine(diagnose: Diagnose) -> None:
    made = flow(committed=3)
    other = made.world.service("billing", group="billing", host="host-2")
    other.process(made.messages[6], 10.0)
    finding = only(diagnose(made.world, "EDA202").findings, "EDA202")
    assert (finding.verdict, opened(finding)) == (LIKELY, {"G5"})
    assert finding.instances == ("billing-0", "billing-1")
    assert "another member" in finding.cause


def test_another_group_has_its_own_copy(diagnose: Diagnose) -> None:
    made = flow()
    mail = made.world.service("mail", group="mail")
    for turn, message in enumerate(made.messages):
        mail.process(message, turn * 0.1 + 0.05)
    assert diagnose(made.world).findings == ()


def test_a_batch_that_two_processes_received(diagnose: Diagnose) -> None:
    made = flow()
    one, two, mail = (made.world.service(name, group=name) for name in ("loader", "loader", "mail"))
    for reader, at in ((one, 10.0), (two, 20.0), (mail, 30.0)):
        reader.receive(made.messages[:3], at)
    finding = only(diagnose(made.world, "EDA202").findings, "EDA202")
    assert (finding.verdict, finding.group, finding.count) == (SUSPECT, "loader", 3)
    assert finding.instances == ("loader-0", "loader-1")
    assert "in a batch" in finding.cause


def test_a_batch_whose_messages_have_spans_of_their_own(diagnose: Diagnose) -> None:
    made = flow()
    other = made.world.service("billing", group="billing")
    for reader, at in ((made.billing, 10.0), (other, 20.0)):
        reader.receive(made.messages[:3], at)
    assert diagnose(made.world, "EDA202").findings == ()


def test_a_member_that_goes_back_by_itself_may_not_have_done_it(diagnose: Diagnose) -> None:
    made = flow(committed=12)
    for at in (10.0, 11.0):
        made.billing.receive(made.messages[30:34], at)
        for message in made.messages[30:34]:
            made.billing.process(message, at + 0.1)
    assert only(diagnose(made.world, "EDA202").findings, "EDA202").verdict is SUSPECT


@pytest.mark.parametrize(("at", "verdict"), [(10.5, LIKELY), (12.0, SUSPECT)])
def test_a_member_goes_back_in_what_it_keeps_when_partitions_are_dealt_anew(
    diagnose: Diagnose, at: float, verdict: Verdict
) -> None:
    made = flow(committed=12)
    kept = [message for message in made.messages[30:] if message.partition == "0"]
    reported(made, "eda.consumer.revoked", at, where=1)
    made.billing.receive(kept, 11.0)
    for message in kept:
        made.billing.process(message, 11.1)
    counted_by_ledger(made, "eda.commits", 24)
    assert only(diagnose(made.world, "EDA202").findings, "EDA202").verdict is verdict


@pytest.mark.parametrize(("at", "verdict"), [(3.82, LIKELY), (3.8, SUSPECT)])
def test_a_member_goes_back_to_what_it_had_in_hand_when_partitions_are_dealt_anew(
    diagnose: Diagnose, at: float, verdict: Verdict
) -> None:
    made = flow(committed=12)
    made.works[38].json["endTimeUnixNano"] = str(int(made.works[38].json["startTimeUnixNano"]) + SECOND // 20)
    reported(made, "eda.consumer.assigned", at)
    made.billing.process(made.messages[38], 11.0, 0.05)
    counted_by_ledger(made, "eda.commits", 24)
    assert only(diagnose(made.world, "EDA202").findings, "EDA202").verdict is verdict


def test_what_follows_a_loop_over_a_batch_may_have_failed(diagnose: Diagnose) -> None:
    made = flow(committed=12, skip=set(range(30, 40)))
    made.billing.receive(made.messages[30:], 5.0)
    other = made.world.service("billing", group="billing")
    for message in made.messages[30:]:
        made.billing.process(message, 5.1)
        other.process(message, 10.0 + (message.offset or 0))
    counted_by_ledger(made, "eda.commits", 24)
    assert only(diagnose(made.world, "EDA202").findings, "EDA202").verdict is LIKELY


@pytest.mark.parametrize(("took", "verdict"), [(0.0005, SUSPECT), (0.05, CONFIRMED)])
def test_a_member_that_takes_a_message_and_leaves_it(diagnose: Diagnose, took: float, verdict: Verdict) -> None:
    made = flow(40, 1, skip=set(range(30, 40)))
    for work in made.works:
        work.json["endTimeUnixNano"] = str(int(work.json["startTimeUnixNano"]) + SECOND // 20)
    made.billing.process(made.messages[30], 4.0, took)
    other = made.world.service("billing", group="billing")
    for message in made.messages[30:]:
        other.process(message, 10.0 + (message.offset or 0), 0.05)
    counted_by_ledger(made, "eda.commits", 30)
    finding = only(diagnose(made.world, "EDA202").findings, "EDA202")
    assert (finding.verdict, finding.offsets) == (verdict, (30, 30))
