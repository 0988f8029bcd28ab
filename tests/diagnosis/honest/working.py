"""Consumers that fail on purpose, look twice, hand on, or keep what failed."""

from __future__ import annotations

from diagnosis.telemetry import BEGIN, SECOND, Telemetry, flow

from .world import KEY, committed, handled, honest, linger, queue, settle


def _failed(error: str = "ValueError", number: int = 1) -> tuple[Telemetry, list[float]]:
    made = flow(40, 1, skip=set(range(10, 10 + number)))
    for turn in range(10, 10 + number):
        made.billing.process(made.messages[turn], turn * 0.1 + 0.01, error=error)
        made.billing.commit("orders", turn * 0.1 + 0.03, turn + 1)
    return made.world, [turn * 0.1 for turn in range(10, 10 + number)]


@honest("EDA104")
def what_failed_is_kept_in_a_table() -> Telemetry:
    world, (at,) = _failed()
    world.services[1].other("INSERT failed_messages", at + 0.02, 0.005, kind=3, said={"db.system": "postgresql"})
    return world


@honest("EDA104")
def what_failed_is_put_into_a_table_before_the_error_is_raised_on() -> Telemetry:
    made = flow(40, 1, skip={10})
    work = made.billing.process(made.messages[10], 1.01, 0.01, error="ValueError")
    made.billing.other("INSERT failed_messages", 1.015, 0.002, work, kind=3, said={"db.system": "postgresql"})
    return made.world


@honest("EDA104")
def what_failed_is_set_aside_together_half_a_minute_later() -> Telemetry:
    made = flow(40, 1, skip={10, 11}, committed=10)
    for turn in (10, 11):
        made.billing.process(made.messages[turn], turn * 0.1 + 0.01, error="ValueError")
        made.billing.send("orders.dlq", 35.0 + turn * 0.1, turn - 10)
    made.billing.commit("orders", 37.0, 40)
    linger(made.shop, made.billing)
    return made.world


@honest("EDA104")
def what_failed_is_set_aside_in_a_row_after_the_batch() -> Telemetry:
    made = flow(40, 1, skip={10, 11}, committed=10)
    for turn in (10, 11):
        made.billing.process(made.messages[turn], turn * 0.1 + 0.01, error="ValueError")
    for turn in (10, 11):
        made.billing.send("orders.dlq", 1.3 + turn * 0.001, turn - 10)
    made.billing.commit("orders", 5.0, 40)
    linger(made.shop, made.billing)
    return made.world


@honest("EDA104")
def what_failed_first_is_set_aside_after_the_batch_and_what_failed_last_cannot_be() -> Telemetry:
    made = flow(40, 1, skip={10, 11}, committed=10)
    for turn in (10, 11):
        made.billing.process(made.messages[turn], turn * 0.1 + 0.01, error="ValueError")
    made.billing.send("orders.dlq", 1.31, 0)
    made.billing.send("orders.dlq", 1.311, error="NotEnoughReplicasError")
    made.billing.commit("orders", 5.0, 40)
    linger(made.shop, made.billing)
    return made.world


@honest("EDA104")
def the_third_failure_has_all_three_set_aside() -> Telemetry:
    made = flow(40, 1, skip={10, 11, 12}, committed=10)
    for turn in (10, 11, 12):
        work = made.billing.process(made.messages[turn], turn * 0.1 + 0.01, 0.02, error="ValueError")
    for number in range(3):
        made.billing.send("orders.dlq", 1.212 + number * 0.002, number, parent=work)
    made.billing.commit("orders", 5.0, 40)
    linger(made.shop, made.billing)
    return made.world


@honest("EDA104", "EDA402")
def a_batch_of_which_a_call_has_done_all_but_the_last() -> Telemetry:
    made = flow(40, 1, skip={10, 11, 12})
    for again in range(4):
        for turn in range(10, 13):
            said = {"messaging.batch.message_count": 3}
            made.billing.process(made.messages[turn], 1.21 + again * 0.02, 0.01, error="ValueError", said=said)
    made.billing.commit("orders", 1.3, 13)
    linger(made.shop, made.billing)
    return made.world


@honest("EDA104", "EDA401", "EDA402")
def a_handler_that_says_skip_by_an_exception() -> Telemetry:
    return _failed("faststream.exceptions.SkipMessage", 8)[0]


@honest("EDA104", "EDA401", "EDA402")
def a_handler_that_says_ignore_by_an_exception() -> Telemetry:
    return _failed("celery.exceptions.Ignore", 8)[0]


@honest("EDA401", "EDA402", "EDA403")
def a_handler_that_puts_back_by_an_exception() -> Telemetry:
    world, (shop, mailer) = queue("shop", "mailer")
    messages = handled(shop, mailer, "mails", [turn * 0.1 for turn in range(30)])
    for message in messages[:6]:
        at = (int(message.span.json["startTimeUnixNano"]) - BEGIN) / SECOND
        mailer.process(message, at + 0.002, 0.001, error="NackMessage")
    linger(shop, mailer)
    return world


@honest("EDA202")
def a_peek_at_a_queue() -> Telemetry:
    world, (shop, mailer, peek) = queue("shop", "mailer", "peek")
    handled(shop, mailer, "mails", [turn * 0.1 for turn in range(30)])
    message = shop.send("mails", 5.0)
    peek.process(message, 5.1)  # it takes the message to look at it, and closes its channel
    work = mailer.process(message, 5.5, said={"eda.message.redelivered": True})
    settle(mailer, work, "mails", 5.51)
    linger(shop, mailer, peek)
    return world


@honest("EDA202", "EDA203")
def a_worker_whose_span_is_a_child_of_the_loops() -> Telemetry:
    made = flow(40, 1, skip=set(range(20, 40)), committed=20)
    worker = made.world.service("billing", group="billing")
    for turn in range(20, 40):
        loop = made.billing.process(made.messages[turn], turn * 0.1 + 0.01, 0.001)
        work = worker.process(made.messages[turn], turn * 0.1 + 0.02, 0.01)
        work.json["parentSpanId"] = loop.id
        made.billing.commit("orders", turn * 0.1 + 0.05, turn + 1)
    committed(made, 40)
    linger(worker)
    return made.world


@honest("EDA202", "EDA203", "EDA602")
def a_pool_of_processes_whose_spans_have_the_messages_own_context() -> Telemetry:
    made = flow(40, 1, skip=set(range(40)))
    workers = [made.world.service("worker", group="billing") for _ in range(2)]
    for turn, message in enumerate(made.messages):
        made.billing.process(message, turn * 0.1 + 0.01, 0.05)
        workers[turn % 2].process(message, turn * 0.1 + 0.02, 0.03)
        made.billing.commit("orders", turn * 0.1 + 0.07, turn + 1)
    linger(*workers)
    return made.world


@honest("EDA402")
def three_layers_around_one_attempt() -> Telemetry:
    made = flow(40, 1, skip={10})
    for layer in range(3):
        made.billing.process(made.messages[10], 1.01 + layer * 0.001, 0.01 - layer * 0.002, error="ValueError")
    return made.world


@honest("EDA402")
def tries_within_one_delivery_and_then_another_topic() -> Telemetry:
    made = flow(40, 1, skip={10})
    made.billing.process(made.messages[10], 1.01, 0.05, error="ValueError")
    for turn in range(4):
        made.billing.process(made.messages[10], 1.011 + turn * 0.01, 0.005, error="ValueError")
    made.billing.process(made.billing.send("orders.retry", 1.07, 0), 1.2)
    return made.world


@honest("EDA104")
def what_failed_is_tried_again_in_the_background() -> Telemetry:
    made = flow(40, 1, skip={10})
    work = made.billing.process(made.messages[10], 1.01, error="ValueError")
    made.billing.commit("orders", 1.03, 11)
    made.billing.other("try again", 4.0, 0.05, work)
    return made.world


@honest("EDA203", "EDA202")
def a_worker_whose_span_lasts_within_the_loops() -> Telemetry:
    made = flow(40, 1, skip=set(range(20, 40)))
    worker = made.world.service("billing", group="billing")
    for turn in range(20, 40):
        loop = made.billing.process(made.messages[turn], turn * 0.1 + 0.01, 0.05)
        worker.process(made.messages[turn], turn * 0.1 + 0.02, 0.03).json["parentSpanId"] = loop.id
    linger(worker)
    return made.world


@honest("EDA203", "EDA202", "EDA301")
def staging_and_production_on_one_node() -> Telemetry:
    world = Telemetry()
    for number in range(2):  # both groups are called `billing`, both brokers `broker`, and no message has a context
        billing = world.service("billing", group="billing")
        for turn in range(40):
            work = billing._span("process", "orders", turn * 0.1 + number * 0.01, 0.05, {
                "messaging.consumer.group.name": "billing", "messaging.destination.partition.id": "0",
                "messaging.kafka.offset": turn, KEY: f"k{turn % 3}",
            })  # fmt: skip
            assert work
        linger(billing)
    return world


@honest("EDA202")
def a_transaction_that_was_aborted_and_done_again() -> Telemetry:
    made = flow(40, 1, committed=20)
    for turn in range(20, 40):
        made.billing.process(made.messages[turn], 10.0 + turn * 0.1)
        made.billing.commit("orders", 10.05 + turn * 0.1, turn + 1)
    return made.world


@honest("EDA405")
def a_copy_of_the_dead_letters() -> Telemetry:
    world, (shop, keeper) = queue("shop", "keeper")
    for turn in range(5):
        message = shop.send("orders.dlq", turn * 1.0)
        work = keeper.process(message, turn + 0.1, 0.02)
        keeper.send("archive.dlq", turn + 0.11, parent=work)
    linger(shop, keeper)
    return world


@honest("EDA105")
def an_offer_that_ends_when_its_time_is_over() -> Telemetry:
    world, (shop, payments, orders) = queue("shop", "payments", "orders")
    handled(shop, payments, "unpaid", [turn * 1.0 for turn in range(20)])
    for turn in range(3):
        message = shop.send("unpaid", 30.0 + turn)
        said = {
            "eda.message.death_count": 1,
            "eda.message.death_reason": "expired",
            "messaging.destination.name": "cancel",
        }
        settle(orders, orders.process(message, 40.0 + turn, said=said), "cancel", 40.1 + turn)
    linger(shop, payments, orders)
    return world


@honest("EDA501")
def a_clock_that_is_set_in_the_midst() -> Telemetry:
    made = flow(40, 2, host="host-2")
    made.billing.skew = 600.0
    for turn in range(20):
        message = made.shop.send("orders", 10.0 + turn * 0.1, 20 + turn // 2, turn % 2)
        made.billing.process(message, 10.01 + turn * 0.1)
    return made.world


@honest("EDA401")
def a_tenant_that_is_let_off_after_the_end() -> Telemetry:
    made = flow(40, 1, skip={5})
    made.billing.process(made.messages[5], 0.51, error="Timeout")
    made.billing.process(made.messages[5], 0.6)
    return made.world


@honest("EDA402")
def three_tries_while_a_tenants_database_restarts() -> Telemetry:
    made = flow(40, 1, skip={39})
    for turn in range(3):
        made.billing.process(made.messages[39], 59.0 + turn * 0.2, 0.01, error="ConnectionRefusedError")
    return made.world


@honest("EDA405")
def a_command_about_dead_letters() -> Telemetry:
    made = flow()
    for turn, name in enumerate(("replay-dlq", "dlq-report", "dead-letter.alerts")):
        work = made.billing.process(made.messages[turn], 10.0 + turn)
        made.billing.send(name, 10.001 + turn, turn, parent=work)
    return made.world


@honest("EDA104", "EDA107")
def an_inbox_that_another_process_works_off() -> Telemetry:
    made = flow(40, 1, skip=set(range(40)))
    made.billing.spans = []
    for turn in range(4):  # a batch is stored by a driver without spans, and committed; the work is done later
        made.billing.receive(made.messages[turn * 10 : turn * 10 + 10], 5.0 + turn)
        made.billing.commit("orders", 5.1 + turn, turn * 10 + 10)
    linger(made.shop, made.billing)
    return made.world
