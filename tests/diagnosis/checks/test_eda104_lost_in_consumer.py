"""What EDA104 (lost in the consumer) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow, pairs

from .helpers import CONFIRMED, LIKELY, SUSPECT, counted_by_ledger, only, opened, reported, stood

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def test_jumped_over(diagnose: Diagnose) -> None:
    finding = only(diagnose(flow(skip={12}).world).findings, "EDA104")
    assert (finding.service, finding.group, finding.partition, finding.offsets) == (
        "billing",
        "billing",
        "0",
        (6, 6),
    )
    assert "no member received it" in finding.cause
    assert (finding.verdict, opened(finding)) == (LIKELY, {"G8"})
    assert finding.evidence[0].before == 5
    assert finding.evidence[0].after == 7


def test_swallowed(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    finding = only(diagnose(made.world).findings, "EDA104")
    assert (finding.verdict, finding.offsets, opened(finding)) == (CONFIRMED, (6, 6), set())
    assert finding.error == "KeyError"
    assert "committed all the same" in finding.cause
    assert made.messages[12].span.trace in finding.trace_ids


def test_not_begun(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.receive([made.messages[12]], 1.21)
    finding = only(diagnose(made.world).findings, "EDA104")
    assert finding.verdict is SUSPECT  # or filtered
    assert "dropped it, and went on" in finding.cause


@pytest.mark.parametrize(
    ("in_hand", "at", "verdict"),
    [
        (1, 62, LIKELY),
        (0, 62, SUSPECT),
        (1, 59, SUSPECT),  # later readings do not measure it: the consumer was closed
    ],
)
def test_who_does_several_at_once_and_vanishes_had_one_of_them(
    diagnose: Diagnose, in_hand: int, at: int, verdict: Verdict
) -> None:
    made = flow(skip={12})
    for turn, message in enumerate(made.messages):
        made.billing.receive([message], turn * 0.1 + 0.005)
    counted_by_ledger(made, "eda.consumer.in_flight", in_hand, "gauge", at)
    finding = only(diagnose(made.world).findings, "EDA104")
    assert (finding.verdict, finding.offsets) == (verdict, (6, 6))


def test_died_with_what_it_had_been_handed(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip=set(range(19, 40)))
    made.billing.spans = [span for span in made.billing.spans if span.json["name"] != "still here"]
    stood(made, next=20)
    heir = made.world.service("billing", group="billing")
    for turn in range(20, 40):
        heir.process(made.messages[turn], turn * 0.1 + 0.5)
        heir.commit("orders", turn * 0.1 + 0.51, turn + 1)
    heir.other("still here", 60.0, 0.01)
    finding = only(diagnose(made.world).findings, "EDA104")
    assert (finding.verdict, finding.offsets, opened(finding)) == (LIKELY, (19, 19), {"G6"})
    assert "stopped before it was done" in finding.cause


def test_died_with_it_and_another_member_goes_on(diagnose: Diagnose) -> None:
    made = flow(40, 1, skip=set(range(19, 40)))
    made.billing.receive([made.messages[19]], 1.91)
    made.billing.commit("orders", 1.92, 20)
    made.billing.spans = [span for span in made.billing.spans if span.json["name"] != "still here"]
    heir = made.world.service("billing", group="billing")
    for turn in range(20, 40):
        heir.process(made.messages[turn], turn * 0.1 + 0.5)
        heir.commit("orders", turn * 0.1 + 0.51, turn + 1)
    heir.other("still here", 60.0, 0.01)
    finding = only(diagnose(made.world).findings, "EDA104")
    assert (finding.verdict, finding.offsets, opened(finding)) == (LIKELY, (19, 19), set())
    assert "stopped before it was done" in finding.cause
    made.billing.spans = [span for span in made.billing.spans if span.json["kind"] != 3]
    finding = only(diagnose(made.world).findings, "EDA104")  # who had it, and who committed past it, is not known
    assert (finding.verdict, opened(finding)) == (SUSPECT, {"G6", "G8"})


def test_of_an_aborted_transaction(diagnose: Diagnose) -> None:
    made = flow(20, 1, skip={7, 8, 9})
    for turn, message in enumerate(made.messages[20:] + made.messages[10:]):
        message.offset = None if message.offset is None else message.offset + 1
        place = {"messaging.kafka.offset": 11 + turn}
        for span in (message.span, made.works[7 + turn]):
            said = [pair for pair in span.json["attributes"] if pair["key"] not in place]
            span.json["attributes"] = [*said, *pairs(place)]
    assert only(diagnose(made.world).findings, "EDA104").verdict is SUSPECT


@pytest.mark.parametrize(("keys", "verdict"), [("abcdefgxyzxyzklmnopq", SUSPECT), ("abcdefaxyzxyzklmnopq", LIKELY)])
def test_compacted(diagnose: Diagnose, keys: str, verdict: Verdict) -> None:
    made = flow(20, 1, skip={7, 8, 9})
    for message, key in zip(made.messages, keys, strict=True):
        message.span.json["attributes"] += pairs({"eda.message.key.hash": key})
    assert only(diagnose(made.world).findings, "EDA104").verdict is verdict


@pytest.mark.parametrize(("at", "open_"), [(0.5, set()), (1.215, {"G6"}), (1.9, set())])
def test_who_had_the_partition_tells(diagnose: Diagnose, at: float, open_: set[str]) -> None:
    made = flow(skip={12})
    reported(made, "eda.consumer.revoked", at)
    reported(made, "eda.consumer.assigned", at + 0.001)
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert opened(finding) & {"G6"} == open_


@pytest.mark.parametrize(("number", "trace"), [(12, "own"), (0, "own"), (12, "another")])
def test_without_metrics_nobody_knows_whether_spans_are_missing(diagnose: Diagnose, number: int, trace: str) -> None:
    """A trace is sampled as a whole: that the attempt is there shows that others would be, if they are in it."""
    made = flow(skip={number})
    failed = made.billing.process(made.messages[number], 0.01 + number / 10, error="KeyError")
    if trace == "another":
        failed.json["traceId"] = "ab" * 16
    made.world.metrics = False
    finding = only(diagnose(made.world).findings, "EDA104")
    assert (finding.verdict, opened(finding)) == ((LIKELY, {"G1"}) if trace == "own" else (SUSPECT, {"G1", "G2"}))


def test_what_the_ledger_counted_may_yet_be_tried_again_within_the_grace(diagnose: Diagnose) -> None:
    made = flow(skip={36})
    made.billing.process(made.messages[36], 3.61, error="KeyError")
    made.shop.spans, made.billing.spans = (
        [span for span in service.spans if span.json["name"] != "still here"] for service in (made.shop, made.billing)
    )
    counted_by_ledger(made, "eda.skipped.messages", 1)
    found = diagnose(made.world, "EDA104", grace=10.0)
    assert (found.findings, dict(found.young)) == ((), {"EDA104": 1})


def test_a_message_that_is_young_is_in_flight(diagnose: Diagnose) -> None:
    assert diagnose(flow(skip={12}).world, "EDA104", grace=3600.0).findings == ()


def test_a_dead_letter_is_no_loss(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    failed = made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.billing.send("orders.dlq", 1.211, 0, parent=failed)
    assert diagnose(made.world, "EDA104").findings == ()


@pytest.mark.parametrize("which", range(4))
def test_whichever_attempt_or_handler_sent_it_on(diagnose: Diagnose, which: int) -> None:
    made = flow(skip={12})
    failed = [made.billing.process(made.messages[12], 1.21 + turn / 10, error="KeyError") for turn in range(3)]
    handler = {"eda.event.type": "order", "code.function.name": "charge", "error.type": "KeyError"}
    failed.append(made.billing.other("process order", 1.411, 0.001, failed[2], said=handler))
    made.billing.send("orders.dlq", 1.5, 0, parent=failed[which])
    assert diagnose(made.world, "EDA104").findings == ()


def test_a_retry_that_went_well_is_no_loss(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.billing.process(made.messages[12], 1.3)
    assert diagnose(made.world, "EDA104").findings == ()


def test_what_is_before_the_groups_first_message_was_never_for_it(diagnose: Diagnose) -> None:
    assert diagnose(flow(skip={0, 1, 2}).world, "EDA104").findings == ()


@pytest.mark.parametrize(
    ("joined", "verdict", "cause"),
    [(0.0, LIKELY, "got the partition while"), (5.4, SUSPECT, "is new, and began at the end")],
)
def test_a_partition_that_the_topic_got_while_the_group_read_it(
    diagnose: Diagnose, joined: float, verdict: Verdict, cause: str
) -> None:
    made = flow(40, 1)
    reported(made, "eda.consumer.assigned", joined)
    reported(made, "eda.consumer.assigned", 5.45, where=1)
    for offset in range(10):
        message = made.shop.send("orders", 5.0 + offset * 0.1, offset, 1)
        if offset >= 5:
            made.billing.process(message, 5.02 + offset * 0.1)
            made.billing.commit("orders", 5.03 + offset * 0.1, offset + 1, 1)
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.count) == (verdict, 5)
    assert cause in finding.cause


def test_what_is_behind_its_last_message_is_lag(diagnose: Diagnose) -> None:
    assert diagnose(flow(skip={36, 37, 38, 39}).world, "EDA104").findings == ()


def test_without_a_commit_it_is_likely_at_most(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.billing.spans = [span for span in made.billing.spans if not span.json["name"].startswith("commit")]
    assert only(diagnose(made.world).findings, "EDA104").verdict is LIKELY


@pytest.mark.parametrize(("number", "verdict"), [(1, CONFIRMED), (0, LIKELY)])
def test_automatic_commits_are_known_by_the_ledger(diagnose: Diagnose, number: int, verdict: Verdict) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.billing.spans = [span for span in made.billing.spans if not span.json["name"].startswith("commit")]
    counted_by_ledger(made, "eda.skipped.messages", number)
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.count, finding.offsets) == (verdict, 1, (6, 6))


@pytest.mark.parametrize(("metrics", "verdict"), [(True, CONFIRMED), (False, LIKELY)])
def test_by_the_ledger_on_the_span(diagnose: Diagnose, metrics: bool, verdict: Verdict) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError", said={"eda.message.skipped": True})
    made.world.metrics = metrics
    made.shop.spans = []
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.partition, finding.offsets) == (verdict, "0", (6, 6))


def test_by_the_ledger_but_done_later(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError", said={"eda.message.skipped": True})
    made.billing.process(made.messages[12], 2.0, said={"eda.message.skipped": False})
    assert diagnose(made.world, "EDA104").findings == ()


def test_by_the_ledger_if_no_span_was_kept(diagnose: Diagnose) -> None:
    made = flow()
    counted_by_ledger(made, "eda.skipped.messages", 9)
    counted_by_ledger(made, "eda.recovered.messages", 2)
    finding = only(diagnose(made.world, grace=1.0).findings, "EDA104")
    assert (finding.verdict, finding.count, finding.group) == (LIKELY, 7, "billing")


@pytest.mark.parametrize(("commits", "verdict"), [(1, LIKELY), (0, SUSPECT)])
def test_whose_commits_are_automatic_jumps_and_who_has_none_reads_the_latest(
    diagnose: Diagnose, commits: int, verdict: Verdict
) -> None:
    made = flow(40, 1, skip=set(range(10, 40)), committed=0)
    counted_by_ledger(made, "eda.commits", commits)
    heir = made.world.service("billing", group="billing")
    reported(made, "eda.consumer.assigned", 1.95, heir)
    for turn in range(20, 40):
        heir.process(made.messages[turn], turn * 0.1 + 0.5)
    heir.other("still here", 60.0, 0.01)
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets) == (verdict, (10, 19))


@pytest.mark.parametrize(("reader", "verdict"), [("billing", SUSPECT), ("printing", LIKELY)])
def test_what_a_failed_attempt_sent_may_be_another_try_if_its_own_group_did_it(
    diagnose: Diagnose, reader: str, verdict: Verdict
) -> None:
    made = flow(40, 1, skip={20})
    work = made.billing.process(made.messages[20], 2.01, error="ConnectionError")
    later = made.billing.send("orders.later", 2.012, 0, parent=work)
    made.world.service(reader, group=reader).process(later, 3.0)
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.count) == (verdict, 1)
