"""Sends that fail, are made again, or get places that look alike."""

from __future__ import annotations

from diagnosis.telemetry import BEGIN, SECOND, Telemetry, flow

from .world import KEY, TIMESTAMP, handled, honest, linger, queue


def _again(error: str, later: float = 2.0, key: str | None = None) -> Telemetry:
    """A relay of an outbox: its send fails, and its next turn sends the same row, in a new trace."""
    made = flow()
    said = {KEY: key}
    made.shop.send("events", 5.0, error=error, said=said)
    made.shop.send("events", 5.0 + later, 0, said=said)
    return made.world


@honest("EDA101")
def the_outbox_sends_it_at_its_next_turn() -> Telemetry:
    return _again("NotEnoughReplicasError")


@honest("EDA101")
def the_topic_is_made_by_the_first_try() -> Telemetry:
    return _again("UnknownTopicOrPartitionError", 0.5, "k1")


@honest("EDA101")
def a_token_had_run_out_and_was_renewed() -> Telemetry:
    return _again("TopicAuthorizationFailedError", 30.0)


@honest("EDA101")
def another_replica_of_the_relay_sends_it() -> Telemetry:
    made = flow()
    made.shop.send("events", 5.0, error="NotEnoughReplicasError")
    made.world.service("shop").send("events", 6.0, 0)
    return made.world


@honest("EDA101")
def the_caller_was_cancelled_while_the_broker_took_it() -> Telemetry:
    made = flow()
    made.shop.send("events", 5.0, error="asyncio.exceptions.CancelledError")  # its reader has no instrumentation
    return made.world


@honest("EDA101")
def the_answer_could_not_be_read() -> Telemetry:
    made = flow()
    made.shop.send("events", 5.0, error="BrokenPipeError")
    return made.world


@honest("EDA101")
def the_broker_had_that_number_already() -> Telemetry:
    made = flow()
    made.shop.send("events", 5.0, error="org.apache.kafka.common.errors.DuplicateSequenceException")
    return made.world


@honest("EDA101")
def another_replica_sends_the_row_of_that_id_to_another_topic() -> Telemetry:
    made = flow()
    said = {"messaging.message.id": "row-7"}
    made.shop.send("events", 5.0, error="TOPIC_AUTHORIZATION_FAILED", said=said)
    made.world.service("shop").send("events.backup", 6.0, 0, said=said)
    return made.world


@honest("EDA106")
def what_was_returned_goes_to_a_common_queue() -> Telemetry:
    world, (shop, mailer) = queue("shop", "mailer")
    handled(shop, mailer, "mails", [turn * 0.1 for turn in range(30)])
    said = {"messaging.message.id": "m-7"}
    shop.send("mails.tenant-9", 5.0, error="eda.returned", said=said)
    mailer.process(shop.send("mails", 5.01, said=said), 5.02)
    linger(shop, mailer)
    return world


@honest("EDA102")
def what_nobody_waited_for_is_sent_again_by_its_id() -> Telemetry:
    made = flow()
    said = {"messaging.message.id": "row-7"}
    made.shop.send("events", 5.0, error="asyncio.exceptions.CancelledError", said=said)
    made.shop.send("events", 6.0, 0, said=said)
    return made.world


@honest("EDA102")
def what_nobody_waited_for_is_sent_again() -> Telemetry:
    made = flow()
    first = made.shop.send("events", 5.0, said={"eda.unresolved": True})
    again = made.shop.send("events", 6.0, 0)
    again.span.json["links"] = [{"traceId": first.span.trace, "spanId": first.span.id}]
    return made.world


@honest("EDA103")
def two_clusters_of_one_name() -> Telemetry:
    world = Telemetry()
    for name in ("shop", "copy"):  # in two networks of containers, each with a broker that is called `broker`
        sender, reader = world.service(name), world.service(f"{name}-billing", group=f"{name}-billing")
        for turn in range(30):
            reader.process(sender.send("orders", turn * 0.1, 500 + turn), turn * 0.1 + 0.01)
        linger(sender, reader)
    return world


@honest("EDA103")
def a_topic_made_anew_whose_first_senders_are_not_instrumented() -> Telemetry:
    made = flow(40, 1)
    other = made.world.service("shop")
    for turn in range(10):
        message = other.send("orders", 20.0 + turn, 5 + turn)
        made.billing.process(message, 20.1 + turn)
    return made.world


@honest("EDA106")
def the_broker_refused_it_and_took_it_at_the_next_turn() -> Telemetry:
    world, (shop, mailer) = queue("shop", "mailer")
    handled(shop, mailer, "mails", [turn * 0.1 for turn in range(20)])
    shop.send("mails", 5.0, error="eda.nacked")
    handled(shop, mailer, "mails", [6.0, 6.1])
    linger(shop, mailer)
    return world


@honest("EDA106")
def the_queue_was_declared_and_the_outbox_sent_it_again() -> Telemetry:
    world, (shop, mailer) = queue("shop", "mailer")
    shop.send("mails", 1.0, error="eda.returned")
    handled(shop, mailer, "mails", [3.0 + turn * 0.1 for turn in range(20)])
    linger(shop, mailer)
    return world


@honest("EDA106")
def the_next_worker_took_it() -> Telemetry:
    world = Telemetry()
    shop, worker = world.service("shop", system="zeromq"), world.service("worker", system="zeromq")
    for turn in range(20):
        worker.process(shop.send("tcp://one:1", turn * 0.1), turn * 0.1 + 0.01)
    work = shop.other("dispatch", 5.0, 0.1)
    shop.send("tcp://two:2", 5.01, error="zmq.error.Again", parent=work)
    worker.process(shop.send("tcp://one:1", 5.02, parent=work), 5.03)
    linger(shop, worker)
    return world


@honest("EDA106")
def another_replica_of_the_outbox_sent_what_was_returned() -> Telemetry:
    world, (shop, other, mailer) = queue("shop", "shop", "mailer")
    shop.send("mails", 1.0, error="eda.returned")
    handled(other, mailer, "mails", [3.0 + turn * 0.1 for turn in range(20)])
    linger(shop, other, mailer)
    return world


@honest("EDA201")
def a_span_around_the_sends_of_a_batch() -> Telemetry:
    made = flow()
    span = made.shop.other("send events", 5.0, 0.1, kind=4, said={  # made by hand, and its context put into all of them
        "messaging.system": "kafka", "messaging.operation.type": "send", "messaging.destination.name": "events",
    })  # fmt: skip
    reader = made.world.service("reader", group="reader")
    for offset in range(5):
        work = reader._span("process", "events", 6.0 + offset, 0.01, {
            "messaging.consumer.group.name": "reader", "messaging.destination.partition.id": "0",
            "messaging.kafka.offset": offset, TIMESTAMP: BEGIN // 1_000_000 + 5050,
        })  # fmt: skip
        work.json["links"] = [{"traceId": span.trace, "spanId": span.id}]
    return made.world


@honest("EDA201")
def several_messages_with_ids_of_their_own() -> Telemetry:
    made = flow()
    sent = made.shop.send("events", 5.0, 0, said={"messaging.message.id": "m-0"})
    reader = made.world.service("reader", group="reader")
    for offset in range(2):
        said = {"messaging.kafka.offset": offset, "messaging.message.id": f"m-{offset}", TIMESTAMP: 1}
        reader.process(sent, 6.0 + offset, said=said)
    return made.world


@honest("EDA303")
def a_round_robin_that_begins() -> Telemetry:
    made = flow()
    for turn in range(2):
        made.shop.send("clicks", 1.0 + turn, 0, turn, said={KEY: "k"})
    return made.world


@honest("EDA303")
def each_service_has_a_partition_of_its_own() -> Telemetry:
    made = flow()
    other = made.world.service("web")
    for turn in range(20):
        for partition, service in enumerate((made.shop, other)):
            service.send("clicks", 1.0 + turn, turn, partition, said={KEY: f"k{turn % 5}"})
    return made.world


@honest("EDA404")
def a_tick_that_sends_the_next_one() -> Telemetry:
    world = Telemetry()
    clock = world.service("clock", group="clock")
    message = clock.send("ticks", 0.0, 0)
    for turn in range(1, 80):
        work = clock.process(message, turn * 1.0, 0.01)
        message = clock.send("ticks", turn + 0.005, turn, parent=work)
    return world


@honest("EDA404")
def pages_of_a_long_list_at_the_end_of_the_telemetry() -> Telemetry:
    world = Telemetry()
    crawler = world.service("crawler", group="crawler")
    message = crawler.send("pages", 0.0, 0)
    for turn in range(1, 200):
        work = crawler.process(message, turn * 0.05, 0.04)
        message = crawler.send("pages", turn * 0.05 + 0.03, turn, parent=work)
    return world


@honest("EDA702")
def a_span_that_begins_with_a_long_poll() -> Telemetry:
    world = Telemetry()
    shop, billing = world.service("shop"), world.service("billing", group="billing", host="host-2")
    for turn in range(20):
        message = shop.send("orders", turn * 3.0 + 2.5, turn)
        billing.process(message, turn * 3.0, 2.6)
    return world


@honest("EDA702")
def headers_that_two_messages_share() -> Telemetry:
    made = flow()
    first = made.shop.send("events", 5.0)
    second = made.shop.send("events", 5.5)
    first.span = second.span  # when the first was written to the network, its headers were already the second's
    reader = made.world.service("reader", group="reader", host="host-2")
    reader.process(first, 5.2)
    reader.process(second, 5.6)
    return made.world


@honest("EDA702")
def a_clock_that_was_set_on_one_machine() -> Telemetry:
    made = flow()
    made.billing.process(made.shop.send("events", 5.0), 4.0, 0.5)
    return made.world


@honest("EDA701")
def two_clusters_of_one_name_and_one_without_contexts() -> Telemetry:
    made = flow(40, 1)
    other = made.world.service("copy", group="copy")
    for message in made.messages:
        said = {TIMESTAMP: (BEGIN + 40 * SECOND) // 1_000_000}
        other.process(message, 45.0, said=said).json.update({"links": [], "traceId": made.world.id(16)})
        other.spans[-1].json.pop("parentSpanId", None)
    return made.world


@honest("EDA104")
def a_consumer_that_keeps_elsewhere_what_it_cannot_read() -> Telemetry:
    """Its poll raises, so that the attempt is over where the error is caught and the message sent on."""
    made = flow(40, 1, skip={12, 21})
    for turn in (12, 21):
        made.billing.process(made.messages[turn], turn * 0.1 + 0.01, error="ValueDeserializationError")
        made.billing.send("unreadable", turn * 0.1 + 0.015, turn)
    return made.world
