"""What EDA501 (slow delivery) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import SECOND, Telemetry, flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, only, processed

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_above_the_usual(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 21.0)
    finding = only(diagnose(made.world, "EDA501").findings, "EDA501")
    assert (finding.verdict, finding.offsets) == (LIKELY, (6, 6))


def test_acknowledged_late(diagnose: Diagnose) -> None:
    made = flow()
    slow = made.messages[12].span.json
    slow["endTimeUnixNano"] = str(int(slow["startTimeUnixNano"]) + 3 * SECOND)  # given away before it was
    finding = only(diagnose(made.world, "EDA501").findings, "EDA501")
    assert (finding.verdict, finding.offsets) == (LIKELY, (6, 6))
    assert "the broker took longer" in finding.cause


def test_above_a_bound(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.9)
    assert only(diagnose(made.world, "EDA501", queue_bound=0.5).findings, "EDA501").verdict is CONFIRMED
    assert diagnose(made.world, "EDA501", queue_bound=5.0).findings == ()


def test_where_most_of_them_wait(diagnose: Diagnose) -> None:
    made = flow(50, 1, skip=set(range(10, 50)))
    for turn in range(10, 50):
        made.billing.process(made.messages[turn], 30.0 + turn * 0.1)
    assert only(diagnose(made.world, "EDA501").findings, "EDA501").offsets == (10, 49)


def test_a_backlog_that_is_worked_off_is_none(diagnose: Diagnose) -> None:
    made = flow(100, 1, skip=set(range(100)))
    for turn in range(100):
        made.billing.process(made.messages[turn], 0.1 + turn * 0.4)
    assert diagnose(made.world, "EDA501").findings == ()


def test_the_message_has_a_name_where_it_has_no_offset(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
    for turn in range(30):
        sent = shop.send("mails", turn * 0.1)
        mail.process(sent, turn * 0.1 + (9.0 if turn == 29 else 0.01))
    finding = only(diagnose(world, "EDA501").findings, "EDA501")
    assert finding.evidence[0].message == f"{sent.span.trace}-{sent.span.id}"


def test_a_second_attempt_did_not_wait_and_may_look_like_the_first_where_attempts_are_missing(
    diagnose: Diagnose,
) -> None:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 21.0)
    processed(made, 41)
    assert only(diagnose(made.world, "EDA501").findings, "EDA501").verdict is SUSPECT


def test_a_dead_letter_lay_elsewhere(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop, mailer = world.service("shop", system="rabbitmq"), world.service("mailer", system="rabbitmq")
    for turn in range(40):
        message = shop.send("mails", turn * 0.5)
        late = turn % 10 == 3  # it is to be tried again in five seconds, and waits in a queue that nobody reads
        died = {"eda.message.death_count": 1, "eda.message.death_reason": "expired"}
        mailer.process(message, turn * 0.5 + (5.02 if late else 0.01), said=died if late else None)
    assert diagnose(world, "EDA501").findings == ()


def test_another_try_may_be_meant_for_later(diagnose: Diagnose) -> None:
    made = flow()
    failed = made.billing.process(made.shop.send("orders", 5.0, 50), 5.01, error="Retry")
    again = made.billing.send("orders", 5.012, 51, parent=failed)
    made.billing.process(again, 25.0)
    assert diagnose(made.world, "EDA501").findings == ()
