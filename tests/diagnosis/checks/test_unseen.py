"""What EDA104 says of messages that no member had: jumped over, compacted away, or sent on by somebody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from diagnosis.honest.unseen import failed_before_a_pause, failed_before_a_start
from diagnosis.honest.world import linger, settle
from diagnosis.telemetry import BEGIN, SECOND, Flow, Telemetry, flow, metric, scoped

from .helpers import CONFIRMED, LIKELY, SUSPECT, only, reported

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def _restarted(*, in_order: bool, after: float) -> Flow:
    """Let a member go, and another one begin behind what was committed."""
    made = flow(40, 1, skip=set(range(10, 40)))
    heir = made.world.service("billing", group="billing")
    heir.other("still here", 60.0, 0.01)
    if in_order:
        reported(made, "eda.consumer.revoked", 1.5)
    for turn in range(13, 40):
        heir.process(made.messages[turn], after + turn * 0.01)
        heir.commit("orders", after + turn * 0.01 + 0.005, turn + 1)
    return made


@pytest.mark.parametrize(
    ("in_order", "after", "verdict"),
    [
        (True, 5.0, LIKELY),
        (False, 5.0, SUSPECT),  # the spans of its last moments may be missing
        (True, 40.0, SUSPECT),  # they may be compacted away
    ],
)
def test_who_begins_behind_what_was_committed_has_jumped(
    diagnose: Diagnose, in_order: bool, after: float, verdict: Verdict
) -> None:
    finding = only(diagnose(_restarted(in_order=in_order, after=after).world, "EDA104", grace=1.0).findings, "EDA104")
    assert (finding.verdict, finding.count, finding.offsets) == (verdict, 3, (10, 12))


@pytest.mark.parametrize(("said", "verdict"), [({}, SUSPECT), ({"eda.message.key.hash": "k"}, LIKELY), ("own", LIKELY)])
def test_a_log_that_is_read_late_may_be_compacted(
    diagnose: Diagnose, said: dict[str, str] | str, verdict: Verdict
) -> None:
    made = flow(40, 1, skip=set(range(40)))
    for turn, message in enumerate(made.messages):
        key = {"eda.message.key.hash": f"k{turn}"} if isinstance(said, str) else said
        message.span.json["attributes"] += [{"key": k, "value": {"stringValue": v}} for k, v in key.items()]
        if turn not in {10, 11, 12}:
            made.billing.process(message, 40.0 + turn * 0.01, said=key)
            made.billing.commit("orders", 40.0 + turn * 0.01 + 0.005, turn + 1)
    assert only(diagnose(made.world, "EDA104", grace=1.0).findings, "EDA104").verdict is verdict


def _failed() -> Flow:
    made = flow(40, 1, skip={12})
    made.works.append(made.billing.process(made.messages[12], 1.21, error="KeyError"))
    made.billing.commit("orders", 1.23, 13)
    return made


@pytest.mark.parametrize("to_attempt", [True, False])
@pytest.mark.parametrize(("destination", "verdict"), [("orders.dlq", None), ("orders", None), ("alerts", LIKELY)])
def test_who_sends_it_on_later_says_so_by_a_link(
    diagnose: Diagnose, to_attempt: bool, destination: str, verdict: Verdict | None
) -> None:
    made = _failed()
    sweeper = made.world.service("sweeper")
    link = made.works[-1] if to_attempt else made.messages[12].span
    sent = sweeper.send(destination, 30.0, None if destination == "orders" else 0)
    sent.span.json["links"] = [{"traceId": link.trace, "spanId": link.id}]
    found = diagnose(made.world, "EDA104").findings
    assert [finding.verdict for finding in found] == ([verdict] if verdict else [])


def test_what_is_sent_later_without_a_link_is_no_answer(diagnose: Diagnose) -> None:
    made = _failed()
    made.world.service("sweeper").send("alerts", 30.0, 0)
    assert only(diagnose(made.world, "EDA104").findings, "EDA104").verdict is CONFIRMED


def test_a_counter_that_begins_later_is_no_restart_while_the_others_go_on(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip={12})
    for colour, begun in (("red", 0.0), ("blue", 1.2)):
        paints = metric("send", 3, BEGIN + round(61.01 * SECOND), {"colour": colour})
        paints["sum"]["dataPoints"][0]["startTimeUnixNano"] = str(BEGIN + round(begun * SECOND))
        made.world.extra.append(
            scoped(made.billing, "resourceMetrics", "scopeMetrics", "metrics", [{**paints, "name": "paints"}])
        )
    assert only(diagnose(made.world, "EDA104").findings, "EDA104").verdict is LIKELY


@pytest.mark.parametrize(("shown", "verdict"), [(True, None), (False, SUSPECT)])
def test_what_was_set_aside_without_a_span_is_counted(diagnose: Diagnose, shown: bool, verdict: Verdict | None) -> None:
    made = _failed()
    made.billing.send("orders.dlq", 1.215, 0, parent=made.works[-1])
    requests = [json.loads(line) for line in made.world.lines()]
    made.world.metrics, made.world.extra = False, [one for one in requests if "resourceMetrics" in one]
    if not shown:
        del made.billing.spans[-1]
    found = diagnose(made.world, "EDA104").findings
    assert [finding.verdict for finding in found] == ([verdict] if verdict else [])


@pytest.mark.parametrize(("missing", "verdict"), [("", LIKELY), ("send", SUSPECT), ("process", SUSPECT)])
def test_what_was_acknowledged_after_an_error_may_have_been_tried_again_without_a_span(
    diagnose: Diagnose, missing: str, verdict: Verdict
) -> None:
    world = Telemetry()
    shop, mailer = world.service("shop", system="rabbitmq"), world.service("mailer", system="rabbitmq")
    for turn in range(30):
        work = mailer.process(shop.send("mails", turn * 0.1), turn * 0.1 + 0.01, error="Busy" if turn == 7 else None)
        settle(mailer, work, "mails", turn * 0.1 + 0.02)
    unshown = [mailer.send("mails.wait", 0.712).span] if missing == "send" else []
    unshown += [mailer.process(shop.send("mails", 8.0), 8.1)] if missing == "process" else []
    linger(shop, mailer)
    requests = [json.loads(line) for line in world.lines()]
    world.metrics, world.extra = False, [one for one in requests if "resourceMetrics" in one]
    mailer.spans = [span for span in mailer.spans if span not in unshown]
    refused = [one for one in diagnose(world, "EDA104").findings if "acknowledged" in str(one.detail)]
    assert [finding.verdict for finding in refused] == [verdict]


@pytest.mark.parametrize(
    ("lost", "at", "verdict"), [(True, "receipts", SUSPECT), (True, "mails", LIKELY), (False, "receipts", LIKELY)]
)
def test_what_a_killed_member_sent_on_was_not_lost_with_it(
    diagnose: Diagnose, lost: bool, at: str, verdict: Verdict
) -> None:
    made = flow(40, 1, skip=set(range(19, 40)))
    made.billing.receive([made.messages[19]], 1.91)
    made.billing.commit("orders", 1.92, 20)
    made.billing.spans = [span for span in made.billing.spans if span.json["name"] != "still here"]
    heir, archive = made.world.service("billing", group="billing"), made.world.service("archive", group="archive")
    for turn in range(20, 40):
        work = heir.process(made.messages[turn], turn * 0.1 + 0.5)
        archive.process(heir.send("receipts", turn * 0.1 + 0.502, turn, parent=work), turn * 0.1 + 0.51)
        heir.commit("orders", turn * 0.1 + 0.51, turn + 1)
    # A message in its trace, whose sending has a span or has none; not all are sent to where billing sends.
    onward = made.shop.send(at, 1.93, 7, parent=made.messages[19].span)
    if lost:
        made.shop.spans.remove(onward.span)
    archive.process(onward, 1.95)
    for service in (heir, archive):
        service.other("still here", 60.0, 0.01)
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets) == (verdict, (19, 19))


@pytest.mark.parametrize(
    ("joined", "other", "found"), [(1.15, False, [(SUSPECT, 12)]), (1.25, False, []), (1.15, True, [])]
)
def test_a_new_group_that_begins_at_the_end(
    diagnose: Diagnose, joined: float, other: bool, found: list[tuple[Verdict, int]]
) -> None:
    made = flow(40, 1, skip=set(range(12)))
    reported(made, "eda.consumer.assigned", joined)
    if other:  # somebody had what was there before
        archive = made.world.service("archive", group="archive")
        for turn, message in enumerate(made.messages):
            archive.process(message, turn * 0.1 + 0.02)
        linger(archive)
    findings = diagnose(made.world, "EDA104").findings
    assert [(one.verdict, one.count) for one in findings] == found
    assert all("began at the end" in one.cause for one in findings)


@pytest.mark.parametrize(("lost", "verdict"), [(False, CONFIRMED), (True, LIKELY)])
def test_a_count_from_export_to_export_says_nothing_of_an_export_that_was_lost(
    diagnose: Diagnose, lost: bool, verdict: Verdict
) -> None:
    found = diagnose(failed_before_a_pause(alive=True, lost=lost), "EDA104").findings
    assert only(found, "EDA104").verdict is verdict


def test_who_has_a_clock_that_is_behind_is_judged_by_it(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip={12}, skew=-180.0)
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.billing.commit("orders", 1.23, 13)
    assert only(diagnose(made.world, "EDA104").findings, "EDA104").verdict is CONFIRMED


@pytest.mark.parametrize(("again", "verdict"), [(False, CONFIRMED), (True, LIKELY)])
def test_a_run_between_two_under_one_name_may_have_left_nothing(
    diagnose: Diagnose, again: bool, verdict: Verdict
) -> None:
    finding = only(diagnose(failed_before_a_start(again=again), "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets) == (verdict, (20, 20))


@pytest.mark.parametrize("to", ["attempt", "message", "nothing"])
def test_what_links_to_it_later_may_have_done_it(diagnose: Diagnose, to: str) -> None:
    made = _failed()
    later = made.world.service("timer").other("retry order", 30.0, 0.01)
    link = {"attempt": made.works[-1], "message": made.messages[12].span}.get(to)
    later.json["links"] = [{"traceId": link.trace, "spanId": link.id}] if link else []
    verdict = only(diagnose(made.world, "EDA104").findings, "EDA104").verdict
    assert verdict is (LIKELY if link else CONFIRMED)


@pytest.mark.parametrize(("every", "verdict"), [(4, SUSPECT), (1, CONFIRMED)])
def test_a_group_that_picks_out_what_failed(diagnose: Diagnose, every: int, verdict: Verdict) -> None:
    made = _failed()
    other = made.world.service("other", group="other")
    for message in made.messages[::every]:  # the failed one is among them
        other.process(message, 5.0 + (message.offset or 0) * 0.1)
    assert only(diagnose(made.world, "EDA104").findings, "EDA104").verdict is verdict
