"""Consumers that pause, go by the clock, or come back to a message much later."""

from __future__ import annotations

from diagnosis.telemetry import Telemetry, flow

from .world import counts, handled, honest, linger, queue, settle

ABSENT = ("EDA104", "EDA105", "EDA107", "EDA501", "EDA503", "EDA504")


def _paused(resumes: float | None) -> Telemetry:
    """A consumer that is quick for a minute and then pauses for much longer than any message took."""
    made = flow(600, 1)
    for turn in range(30):
        message = made.shop.send("orders", 70.0 + turn, 600 + turn)
        if resumes is not None:
            made.billing.process(message, resumes + turn * 0.01)
    linger(made.shop, until=600.0)
    if resumes is not None:
        made.billing.commit("orders", resumes + 1.0, 630)
        linger(made.billing, until=600.0)
    return made.world


@honest(*ABSENT)
def a_consumer_that_is_paused_at_the_end() -> Telemetry:
    return _paused(None)


@honest(*ABSENT)
def a_consumer_that_was_paused() -> Telemetry:
    return _paused(500.0)


@honest(*ABSENT, "EDA203", "EDA202", "EDA602")
def a_rebalance_that_takes_minutes() -> Telemetry:
    made = flow(600, 1)
    later = made.world.service("billing", group="billing", host="host-2")
    for turn in range(30):
        message = made.shop.send("orders", 70.0 + turn, 600 + turn)
        later.process(message, 400.0 + turn * 0.01)
        later.commit("orders", 400.005 + turn * 0.01, 601 + turn)
    linger(made.shop, later, until=450.0)
    return made.world


@honest(*ABSENT)
def a_job_that_reads_every_eight_minutes() -> Telemetry:
    world = Telemetry()
    shop, job = world.service("shop"), world.service("job", group="job")
    for turn in range(150):
        at = turn * 10.0
        message = shop.send("orders", at, turn)
        due = (at // 480 + 1) * 480
        if due <= 1300:
            job.process(message, due + turn % 60 * 0.01)
            job.commit("orders", due + turn % 60 * 0.01 + 0.005, turn + 1)
    linger(shop, until=1500.0)
    return world


@honest(*ABSENT)
def a_job_that_reads_at_night_beside_quick_consumers() -> Telemetry:
    made = flow(600, 2)
    for turn in range(100):
        made.shop.send("reports", turn * 0.5, turn)
    linger(made.shop, until=7200.0)
    linger(made.billing, until=7200.0)
    return made.world


@honest(*ABSENT)
def a_mailer_that_pauses() -> Telemetry:
    world, (shop, mailer) = queue("shop", "mailer")
    handled(shop, mailer, "mails", [turn * 0.1 for turn in range(300)])
    for turn in range(20):
        shop.send("mails", 40.0 + turn)
    linger(shop, mailer, until=900.0)
    return world


@honest(*ABSENT)
def a_mailer_that_prefers_others() -> Telemetry:
    world, (shop, mailer) = queue("shop", "mailer")
    handled(shop, mailer, "mails", [turn * 0.1 for turn in range(300)])
    late = shop.send("mails", 5.05)  # of low priority: the queue is one with priorities
    linger(shop, until=100.0)
    settle(mailer, mailer.process(late, 500.0), "mails", 500.01)
    mailer.spans = mailer.spans[:-2]  # the telemetry ends before
    linger(mailer, until=100.0)
    return world


def _later(recovered: bool, after: float = 120.0, automatic: bool = False) -> Telemetry:
    """A consumer that puts failed messages by, goes on, and tries them again two minutes later."""
    made = flow(400, 1, skip={30, 390})
    made.billing.process(made.messages[30], 3.01, error="Timeout")
    made.billing.process(made.messages[30], 3.01 + after)
    made.billing.process(made.messages[390], 130.0, error="Timeout")
    made.billing.commit("orders", 131.0, 400)
    if recovered:
        made.billing.process(made.messages[390], 130.0 + after)
    if automatic:
        counts(made.billing, "eda.skipped.messages", 1)
    linger(made.shop, made.billing, until=170.0 + (after if recovered else 0))
    return made.world


@honest("EDA104", "EDA402", "EDA401")
def what_failed_is_tried_again_two_minutes_later() -> Telemetry:
    return _later(True)


@honest("EDA104", "EDA402", "EDA401")
def what_failed_will_be_tried_again_after_the_end() -> Telemetry:
    return _later(False)


@honest("EDA104", "EDA401", "EDA402", "EDA403")
def one_message_of_a_sender_without_instrumentation_waits_for_a_row() -> Telemetry:
    world, (mailer,) = queue("mailer")
    for turn in range(60):
        again = 20 <= turn < 40
        said = {"error.type": "NotFound" if again else None, "eda.message.redelivered": again or None}
        work = mailer._span("process", "mails", turn * 0.1, 0.01, said)
        verb, put = ("nack", {"eda.settle.requeue": True}) if again else ("ack", {})
        mailer._span("settle", "mails", turn * 0.1 + 0.008, 0.0003, {"messaging.operation.name": verb, **put}, work)
    linger(mailer)
    return world


@honest("EDA402", "EDA403")
def a_message_that_waits_for_a_row_of_the_database() -> Telemetry:
    world, (shop, mailer) = queue("shop", "mailer")
    handled(shop, mailer, "mails", [turn * 0.1 for turn in range(60)])
    message = shop.send("mails", 6.0)
    for turn in range(4):  # the fifth attempt, after the end, finds the row
        work = mailer.process(message, 6.01 + turn * 0.1, error="NotFound", said={"eda.message.redelivered": turn > 0})
        settle(mailer, work, "mails", 6.02 + turn * 0.1, "nack", **{"eda.settle.requeue": True})
    linger(shop, mailer, until=6.5)
    return world


@honest("EDA403", "EDA402", "EDA404")
def a_message_that_is_put_back_each_second_until_its_time_has_come() -> Telemetry:
    world, (shop, mailer) = queue("shop", "mailer")
    handled(shop, mailer, "mails", [turn * 5.0 for turn in range(20)])
    message = shop.send("mails", 0.5)
    for turn in range(90):
        work = mailer.process(message, 1.0 + turn, said={"eda.message.redelivered": turn > 0})
        settle(mailer, work, "mails", 1.005 + turn, "nack", **{"eda.settle.requeue": True})
    linger(shop, mailer, until=100.0)
    return world


@honest("EDA402", "EDA403")
def a_message_that_is_tried_every_ten_minutes() -> Telemetry:
    made = flow(40, 1, skip={39})
    for turn in range(4):  # the fifth attempt, after the end, succeeds
        made.billing.process(made.messages[39], 4.0 + turn * 600.0, error="Timeout")
    linger(made.shop, made.billing, until=2300.0)
    return made.world


@honest("EDA402")
def three_members_try_while_a_database_restarts() -> Telemetry:
    world, (shop, one, two, three) = queue("shop", "mailer", "mailer", "mailer")
    handled(shop, one, "mails", [turn * 0.1 for turn in range(40)])
    message = shop.send("mails", 5.0)
    for turn, mailer in enumerate((one, two, three)):
        work = mailer.process(message, 5.01 + turn * 0.1, error="Timeout", said={"eda.message.redelivered": turn > 0})
        settle(mailer, work, "mails", 5.02 + turn * 0.1, "nack", **{"eda.settle.requeue": True})
    linger(shop, one, two, three, until=5.5)
    return world


@honest("EDA403")
def a_message_that_fails_each_second_until_its_time_has_come() -> Telemetry:
    world, (shop, mailer) = queue("shop", "mailer")
    handled(shop, mailer, "mails", [turn * 5.0 for turn in range(20)])
    message = shop.send("mails", 0.5)
    for turn in range(90):
        work = mailer.process(message, 1.0 + turn, error="NotYet", said={"eda.message.redelivered": turn > 0})
        settle(mailer, work, "mails", 1.005 + turn, "nack", **{"eda.settle.requeue": True})
    settle(mailer, mailer.process(message, 91.0, said={"eda.message.redelivered": True}), "mails", 91.1)
    linger(shop, mailer, until=200.0)
    return world


@honest("EDA405")
def dead_letters_that_somebody_reads_once_a_day() -> Telemetry:
    world, (shop, mailer) = queue("shop", "mailer")
    handled(shop, mailer, "mails", [turn * 0.1 for turn in range(20)])
    work = mailer.process(shop.send("mails", 5.0), 5.01, error="Timeout")
    settle(mailer, work, "mails", 5.02, "reject", **{"eda.settle.requeue": False, "eda.settle.dead_letter": True})
    linger(shop, mailer, until=7200.0)
    return world
