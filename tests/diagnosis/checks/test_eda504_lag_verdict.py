"""What EDA504 (consumer falls behind) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import Telemetry, flow, pairs

from .helpers import LIKELY, SUSPECT, measured, only, processed, stood

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def test_stopped(diagnose: Diagnose) -> None:
    made = flow(400, 2, skip=set(range(100, 400)))
    found = diagnose(made.world, "EDA504").findings
    assert {(finding.verdict, finding.partition) for finding in found} == {(LIKELY, None)}
    assert found[0].count == 300
    assert "ended, hangs" in found[0].cause


def test_who_gets_the_same_again_and_again_has_not_stopped(diagnose: Diagnose) -> None:
    made = flow(400, 2, skip=set(range(100, 400)))
    for turn in range(100, 400):
        made.billing.receive(made.messages[96:100], turn * 0.1)
    assert {one.cause.count("does not get past") for one in diagnose(made.world, "EDA504").findings} == {1}


@pytest.mark.parametrize("last", [600, 250])
def test_a_job_that_reads_now_and_then_has_not_stopped(diagnose: Diagnose, last: int) -> None:
    world = Telemetry()
    shop, job = world.service("shop"), world.service("job", group="job")
    for turn in range(300):
        message, due = shop.send("reports", turn * 2.0, turn), (turn // 90 + 1) * 180.0
        if due <= last:
            job.process(message, due + turn % 90 * 0.01)
    found = diagnose(world, "EDA504", grace=10.0).findings
    assert [finding.verdict for finding in found] == ([] if last == 600 else [LIKELY])


@pytest.mark.parametrize(("slow", "found"), [(200, [LIKELY]), (45, [])])
def test_who_falls_behind_to_the_end_need_not_be_heard_of_after_that(
    diagnose: Diagnose, slow: int, found: list[Verdict]
) -> None:
    """Its messages take ever longer, and so does the grace."""
    world = Telemetry()
    shop, billing = world.service("shop"), world.service("billing", group="billing")
    for turn in range(1200):
        message, due = shop.send("orders", turn * 0.05, turn), turn * slow / 1000
        if due < 60:
            billing.process(message, due + 0.1, slow / 1000)
    assert [one.verdict for one in diagnose(world, "EDA504").findings if "ever more" in str(one.detail)] == found


@pytest.mark.parametrize(("later", "verdict"), [(0, LIKELY), (1, SUSPECT)])
def test_a_group_for_each_start_of_a_process(diagnose: Diagnose, later: int, verdict: Verdict) -> None:
    made = flow(400, 1)
    for start in range(1 + later):
        view = made.world.service("view", group=f"view-{start}")
        for turn in range(start * 200 + 10, 390 if start else 100):
            view.process(made.messages[turn], turn * 0.1 + 0.02)
    assert {finding.verdict for finding in diagnose(made.world, "EDA504").findings} == {verdict}


@pytest.mark.parametrize(("unsettled", "cause"), [(0, "ended, hangs"), (3, "never settled")])
def test_a_queue_without_offsets(diagnose: Diagnose, unsettled: int, cause: str) -> None:
    world = Telemetry()
    shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
    sent = [shop.send("mails", turn / 2) for turn in range(60)]
    for turn, message in enumerate(sent[:20]):
        mail.process(message, turn / 2 + 0.01)
        if turn >= unsettled:
            settled = mail.commit("mails", turn / 2 + 0.02, 0)
            settled.json["links"] = [message.link]
    shop.other("still here", 60.0, 0.01)
    finding = only(diagnose(world, "EDA504").findings, "EDA504")
    assert (finding.verdict, finding.service, finding.count) == (LIKELY, "mail", 40)
    assert cause in finding.cause


@pytest.mark.parametrize(("every", "verdict"), [(1, LIKELY), (3, SUSPECT)])
def test_a_queue_that_was_full_when_its_reader_stopped(diagnose: Diagnose, every: int, verdict: Verdict) -> None:
    world = Telemetry()
    shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
    sent = [shop.send("mails", turn / 100) for turn in range(60)]
    for turn, message in enumerate(sent[: 20 * every : every]):
        mail.process(message, 1.0 + turn / 2)
    for turn in range(20):
        shop.send("mails", 15.0 + turn / 2)
    mail.other("still here", 900.0, 0.01)
    assert only(diagnose(world, "EDA504").findings, "EDA504").verdict is verdict


def test_a_queue_whose_last_messages_nobody_has_had_yet(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
    for turn in range(60):
        message = shop.send("mails", turn / 2)
        if turn < 55:
            mail.process(message, turn / 2 + 0.01)
    shop.other("still here", 90.0, 0.01)
    assert diagnose(world, "EDA504").findings == ()


def test_a_queue_that_its_reader_outlives_by_far(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
    for turn in range(60):
        message = shop.send("mails", turn / 20)
        if turn < 50:
            mail.process(message, turn / 20 + 0.01)
    shop.other("still here", 4.0, 0.01)
    mail.other("still here", 4.0, 0.01)
    assert diagnose(world, "EDA504").findings == ()
    mail.other("still here", 400.0, 0.01)
    finding = only(diagnose(world, "EDA504").findings, "EDA504")
    assert (finding.verdict, finding.service, finding.count) == (LIKELY, "mail", 10)


@pytest.mark.parametrize(("heard", "settles", "number"), [(400.0, True, 1), (62.0, True, 0), (400.0, False, 0)])
def test_a_queue_that_is_left_in_the_middle(diagnose: Diagnose, heard: float, settles: bool, number: int) -> None:
    world = Telemetry()
    shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
    messages = [shop.send("mails", turn / 100) for turn in range(60)]
    for turn, message in enumerate(messages[:40]):
        mail.process(message, 10.0 + turn / 10)
        if settles:
            settled = mail.commit("mails", 10.001 + turn / 10, 0)
            settled.json["links"] = [message.link]
    mail.other("still here", heard, 0.01)
    findings = diagnose(world, "EDA504").findings
    assert [(finding.verdict, finding.service, finding.count) for finding in findings] == [
        (LIKELY, "mail", 20)
    ] * number


def test_answers_for_whom_nobody_waits_any_more_are_no_queue_that_has_stopped(diagnose: Diagnose) -> None:
    world = Telemetry()
    rates, shop = world.service("rates", system="rabbitmq"), world.service("shop", system="rabbitmq")
    for turn in range(60):
        message = rates.send("amq.rabbitmq.reply-to.{id}", turn / 2)
        if turn < 20:
            shop.process(message, turn / 2 + 0.01)
    rates.other("still here", 60.0, 0.01)
    assert diagnose(world, "EDA504").findings == ()


def test_growing(diagnose: Diagnose) -> None:
    made = flow(200, 1, skip=set(range(200)))
    for turn in range(80):
        made.billing.process(made.messages[turn], turn * 0.25, took=0.249)
    finding = only(diagnose(made.world, "EDA504").findings, "EDA504")
    assert (finding.verdict, finding.count) == (LIKELY, 121)
    assert "work all the time" in finding.cause


def test_growing_only_as_far_as_the_attempts_are_there(diagnose: Diagnose) -> None:
    made = flow(200, 1, skip=set(range(200)))
    for turn in range(80):
        made.billing.process(made.messages[turn], turn * 0.25, took=0.249)
    processed(made, 120)
    assert only(diagnose(made.world, "EDA504", grace=1.0).findings, "EDA504").verdict is SUSPECT


def test_stalled(diagnose: Diagnose) -> None:
    made = flow(100, 1, skip=set(range(50, 100)), committed=0)
    for turn in range(30):
        made.billing.commit("orders", 5.0 + turn, 50)
    assert "does not get past" in only(diagnose(made.world, "EDA504").findings, "EDA504").cause


def test_stalled_after_it_had_got_on(diagnose: Diagnose) -> None:
    made = flow(100, 1, skip=set(range(50, 100)), committed=50)
    for turn in range(30):
        made.billing.commit("orders", 5.0 + turn, 50)
    assert "does not get past" in only(diagnose(made.world, "EDA504").findings, "EDA504").cause


def test_stopped_for_good(diagnose: Diagnose) -> None:
    made = flow(400, 2, skip=set(range(100, 400)))
    made.billing.spans = [span for span in made.billing.spans if span.json["name"] != "still here"]
    assert only(diagnose(made.world, "EDA504").findings, "EDA504").verdict is LIKELY


@pytest.mark.parametrize(
    ("heard", "told", "verdicts"),
    [(400.0, 50, [LIKELY]), (400.0, None, [SUSPECT]), (400.0, 60, []), (62.0, 50, [])],
)
def test_a_group_that_its_service_outlives_by_far(
    diagnose: Diagnose, heard: float, told: int | None, verdicts: list[Verdict]
) -> None:
    made = flow(60, 1, skip=set(range(50, 60)))
    if told is not None:
        stood(made, next=told)
    made.billing.other("still here", heard, 0.01)
    assert [finding.verdict for finding in diagnose(made.world, "EDA504").findings] == verdicts


@pytest.mark.parametrize(
    ("heard", "told", "again", "verdicts"),
    [
        (400.0, 50, [], [LIKELY]),
        (400.0, None, [], [SUSPECT]),
        (400.0, 60, [], []),
        (62.0, 50, [], []),
        (400.0, 50, [49], []),
    ],
)
def test_a_group_that_leaves_off_in_the_middle_of_what_was_there(
    diagnose: Diagnose, heard: float, told: int | None, again: list[int], verdicts: list[Verdict]
) -> None:
    made = flow(60, 1, skip=set(range(40, 60)))
    for number, message in enumerate([*made.messages[40:50], *(made.messages[one] for one in again)]):
        made.billing.process(message, 20.0 + number, error="KeyError")
    if told is not None:
        stood(made, next=told)
    made.billing.other("still here", heard, 0.01)
    findings = diagnose(made.world, "EDA504").findings
    assert [(finding.verdict, finding.count) for finding in findings] == [(verdict, 10) for verdict in verdicts]


def test_went_back(diagnose: Diagnose) -> None:
    made = flow()
    back = made.billing.commit("orders", 30.0, 3)
    back.json["attributes"] += pairs({"eda.commit.regressed": True})
    finding = only(diagnose(made.world, "EDA504").findings, "EDA504")
    assert finding.trace_ids == (back.trace,)


def test_by_what_the_consumer_measures(diagnose: Diagnose) -> None:
    made = flow()
    measured(made, "eda.consumer.lag", 0, 40, 90, 120, 300)
    finding = only(diagnose(made.world).findings, "EDA504")
    assert (finding.verdict, finding.destination, finding.count) == (LIKELY, "orders", 300)
    assert "faster than" in finding.cause


@pytest.mark.parametrize("lag", [(0, 40, 90, 20, 300), (1, 2, 3, 4, 5), (0, 40, 300)])
def test_lag_that_comes_and_goes_is_none(diagnose: Diagnose, lag: tuple[float, ...]) -> None:
    made = flow()
    measured(made, "eda.consumer.lag", *lag)
    assert diagnose(made.world).findings == ()


@pytest.mark.parametrize(("age", "found"), [(301.0, 1), (299.0, 0)])
def test_not_polling(diagnose: Diagnose, age: float, found: int) -> None:
    made = flow()
    measured(made, "eda.consumer.poll.age", 1.0, age, 0.5)
    measured(made, "eda.consumer.poll.limit", 300.0)
    findings = diagnose(made.world).findings
    assert [(item.code, item.service, item.group) for item in findings] == [("EDA504", "billing", "billing")] * found


def test_stopped_by_what_it_received(diagnose: Diagnose) -> None:
    made = flow(400, 2, skip=set(range(400)))
    for turn in range(0, 400, 10):
        batch = made.messages[turn : turn + 10]
        made.billing.receive([one for one in batch if one.partition == "0" or turn < 100], turn * 0.1 + 1)
    finding = only(diagnose(made.world, "EDA504").findings, "EDA504")
    assert (finding.verdict, finding.evidence[0].partition, finding.count) == (LIKELY, "1", 150)
    assert "received nothing" in str(finding.detail)


def test_what_came_since_it_took_its_last_message_does_not_stop_it(diagnose: Diagnose) -> None:
    made = flow(20, 1, skip={19})
    assert diagnose(made.world, "EDA504", grace=0.0).findings == ()
