"""One message that several readers have a copy of, each by instrumentations that do not name what they read from."""

from __future__ import annotations

from diagnosis.telemetry import BEGIN, SECOND, Message, Telemetry

from .world import TIMESTAMP, honest, linger, queue, settle


def _copied(system: str, destination: str, readers: int, bad: int | None = None) -> Telemetry:
    """Processes with a queue each, into which one exchange puts all messages; one message fails in each of them."""
    world = Telemetry()
    sender = world.service("config", system=system)
    replicas = [world.service("web", system=system) for _ in range(readers)]
    for turn in range(40):
        sent = sender.send(destination, turn * 0.1)
        for number, replica in enumerate(replicas):
            replica.process(sent, turn * 0.1 + 0.005 + number * 0.001, error="KeyError" if turn == bad else None)
    linger(sender, *replicas)
    return world


@honest("EDA402", "EDA403")
def replicas_whose_queues_the_java_agent_calls_generated() -> Telemetry:
    return _copied("rabbitmq", "<generated>", 6, 20)


@honest("EDA403")
def replicas_whose_spans_name_the_exchange() -> Telemetry:
    return _copied("rabbitmq", "config", 8)


@honest("EDA402")
def replicas_that_fail_once_each_and_name_the_exchange() -> Telemetry:
    return _copied("rabbitmq", "config", 4, 20)


@honest("EDA402", "EDA403")
def subscriptions_of_one_topic_that_fail_once_each() -> Telemetry:
    world = Telemetry()
    api, functions = (world.service(name, system="servicebus") for name in ("api", "functions"))
    for turn in range(40):
        sent = api.send("orders", turn * 0.1)
        for number in range(8):
            said = {"messaging.destination.subscription.name": f"part-{number}"}
            error = "KeyError" if turn == 20 else None
            functions.process(sent, turn * 0.1 + 0.01 + number * 0.005, error=error, said=said)
    linger(api, functions)
    return world


@honest("EDA202", "EDA203", "EDA402", "EDA403", "EDA602")
def replicas_that_take_the_partition_themselves_and_set_a_group_id() -> Telemetry:
    world = Telemetry()
    sender = world.service("config")
    replicas = [world.service("web", group="web") for _ in range(6)]
    for turn in range(40):
        sent = sender.send("config", turn * 0.1, turn)
        for number, replica in enumerate(replicas):
            replica.process(sent, turn * 0.1 + 0.005 + number * 0.002, error="KeyError" if turn == 20 else None)
    linger(sender, *replicas)
    return world


@honest("EDA402")
def a_queue_for_another_try_that_the_broker_fills() -> Telemetry:
    world, (shop, worker) = queue("shop", "worker")
    for turn in range(30):
        worker.process(shop.send("jobs", turn * 0.1), turn * 0.1 + 0.01)
    sent = shop.send("jobs", 5.0)
    for turn in range(3):
        said = {"eda.message.redelivered": turn > 0}
        settle(worker, worker.process(sent, 5.1 + turn * 0.1, error="KeyError", said=said), "jobs", 5.11 + turn * 0.1)
    died = {"eda.message.death_count": 1, "eda.message.death_reason": "delivery_limit"}
    worker.process(Message(sent.span, "jobs.again", None, None), 30.0, said=died)
    linger(shop, worker)
    return world


@honest("EDA701")
def a_shadow_of_the_whole_system_whose_senders_give_no_context() -> Telemetry:
    world = Telemetry()
    shop = world.service("shop")
    billing, shadow = (world.service("billing", group="billing") for _ in range(2))
    for turn in range(30):
        said = {TIMESTAMP: (BEGIN + turn * SECOND // 10) // 10**6}
        sent = shop.send("orders", turn * 0.1, 500 + turn, said=said)
        billing.process(sent, turn * 0.1 + 0.01, said=said)
        work = shadow.process(sent, turn * 0.1 + 0.1, said=said).json
        work |= {"traceId": world.id(16), "links": []}
        del work["parentSpanId"]
    linger(shop, billing, shadow)
    return world


def _forked(apart: float) -> Telemetry:
    """Two processes that were forked with one state of their random numbers: their sends have the same ids."""
    world, messages = Telemetry(), []
    billing = world.service("billing", group="billing", host="host-2")
    for number in range(2):
        world.luck.seed(7)
        shop = world.service("shop", host=f"host-{number + 3}")
        for turn in range(20):
            at = turn * 0.1 + number * apart
            said = {TIMESTAMP: (BEGIN + round(at * SECOND)) // 1_000_000}
            offset = 20 * number + turn if apart else 2 * turn + number
            messages.append((at, shop.send("orders", at, offset, said=said), said))
        linger(shop)
    for at, message, said in sorted(messages, key=lambda one: one[1].offset or 0):
        billing.process(message, at + 0.02 + (message.offset or 0) % 2 * 0.005, said=said)
    linger(billing, until=60.0 + apart)
    return world


@honest("EDA201", "EDA202", "EDA702")
def forked_senders_of_the_same_ids() -> Telemetry:
    return _forked(0.0)


@honest("EDA201", "EDA202", "EDA702", "EDA103", "EDA301")
def forked_senders_of_the_same_ids_hours_apart() -> Telemetry:
    return _forked(7200.0)
