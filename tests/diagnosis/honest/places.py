"""Brokers, processes and machines that have one name and are several, and partitions that are not what they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import BEGIN, SECOND, Telemetry, flow

from .world import KEY, TIMESTAMP, honest, linger

if TYPE_CHECKING:
    from diagnosis.telemetry import Service

STAMP = {TIMESTAMP: (BEGIN + 5 * SECOND) // 1_000_000}


@honest("EDA103")
def a_topic_made_anew_and_filled_by_a_sender_without_instrumentation() -> Telemetry:
    made = flow(40, 1)
    for turn in range(10):  # the log begins again at 0, and others send the first twenty
        made.billing.process(made.shop.send("orders", 20.0 + turn, 20 + turn), 20.1 + turn)
    return made.world


@honest("EDA103")
def a_topic_made_anew_that_nobody_reads() -> Telemetry:
    made = flow(40, 1)
    made.billing.spans = []
    for turn in range(10):
        made.shop.send("orders", 20.0 + turn, 20 + turn)
    return made.world


def _mirrored(shop: Service, *readers: Service, apart: int, said: dict[str, str]) -> Telemetry:
    """Two clusters of one name, one a mirror of the other: a copy has its original's time, partition and headers."""
    for turn in range(20):
        message = shop.send("orders", turn * 0.1, turn, said={**STAMP, **said})
        for number, reader in enumerate(readers):
            message.offset = turn + number * apart
            reader.process(message, turn * 0.1 + 0.05 + number * 0.02, 0.04, said={**STAMP, **said})
    for number, reader in enumerate(readers):
        for turn in range(20):
            place = {"messaging.destination.partition.id": "0", "eda.commit.offset": turn + 1 + number * apart}
            reader._span(
                "settle", "orders", 5.0 + turn, 0.001, {"messaging.consumer.group.name": "billing", **place, **said}
            )
    linger(shop, *readers)
    return shop.world


def _namespaces(apart: int) -> Telemetry:
    world = Telemetry()
    blue, green = {"k8s.namespace.name": "blue"}, {"k8s.namespace.name": "green"}
    readers = [world.service("billing", group="billing", more=more) for more in (blue, green)]
    return _mirrored(world.service("shop", more=blue), *readers, apart=apart, said={"server.address": "kafka"})


@honest("EDA202", "EDA203", "EDA301")
def a_mirror_in_another_namespace_with_the_same_offsets() -> Telemetry:
    return _namespaces(0)


@honest("EDA201")
def a_mirror_in_another_namespace() -> Telemetry:
    return _namespaces(100)


@honest("EDA202", "EDA203")
def a_mirror_that_is_localhost_in_another_container() -> Telemetry:
    world = Telemetry()
    one, two = (world.service("billing", group="billing", host=name) for name in ("c1", "c2"))
    shop = world.service("shop", host="c1")
    for service in (one, two):
        service.more = {"host.id": "one-machine"}
    return _mirrored(shop, one, two, apart=0, said={"server.address": "localhost"})


@honest("EDA201")
def a_mirror_behind_the_same_name_of_a_load_balancer() -> Telemetry:
    world = Telemetry()
    readers = [world.service(name, group="billing") for name in ("billing", "billing-standby")]
    return _mirrored(world.service("shop"), *readers, apart=100, said={"server.address": "kafka.example"})


@honest("EDA301")
def replicas_that_share_an_instance_id() -> Telemetry:
    world = Telemetry()
    shop = world.service("shop")
    one = world.service("billing", group="billing", host="host-1")
    two = world.service("billing", group="billing", host="host-2", skew=-0.5)
    two.instance = one.instance
    for turn in range(20):
        reader = one if turn < 10 else two  # it gets the partition, and its clock is behind
        reader.process(shop.send("orders", turn * 0.1, turn, said={KEY: "k"}), turn * 0.1 + 0.01, said={KEY: "k"})
    linger(shop, one, two)
    return world


@honest("EDA301")
def a_reader_that_looks_at_the_newest_and_then_reads_all() -> Telemetry:
    made = flow(0)
    said = {KEY: "k"}
    messages = [made.shop.send("prices", turn * 0.1, turn, said=said) for turn in range(20)]
    reader = made.world.service("reader", group="reader")
    reader.process(messages[-1], 5.0, said=said)
    for turn, message in enumerate(messages):
        reader.process(message, 5.02 + turn * 0.01, said=said)
    linger(made.shop, reader)
    return made.world


@honest("EDA303")
def the_partition_of_the_next_day() -> Telemetry:
    made = flow()
    for turn in range(120):
        made.shop.send("clicks", turn * 0.1, turn % 60, turn // 60, said={KEY: f"k{turn % 6}"})
    return made.world


@honest("EDA303")
def a_tenant_is_given_a_partition_of_its_own() -> Telemetry:
    made = flow()
    for turn in range(120):
        key = turn % 6
        made.shop.send("clicks", turn * 0.1, turn, 1 if turn > 60 and key == 0 else 0, said={KEY: f"k{key}"})
    return made.world


@honest("EDA601")
def partitions_that_were_added_at_the_end() -> Telemetry:
    made = flow()
    for turn in range(1100):
        made.shop.send("clicks", turn * 0.05, turn, 0, said={KEY: f"k{turn % 50}"})
    for turn in range(120):
        made.shop.send("clicks", 56.0 + turn * 0.02, 2000 + turn, turn % 12, said={KEY: f"k{turn % 50}"})
    return made.world


@honest("EDA402")
def three_regions_each_with_a_message_at_the_same_place() -> Telemetry:
    world = Telemetry()
    for name in ("eu", "us", "ap"):
        shop, billing = world.service(f"shop-{name}"), world.service("billing", group="billing")
        for turn in range(20):
            message = shop.send("orders", turn * 0.1, turn)
            billing.process(message, turn * 0.1 + 0.01, error="Timeout" if turn == 7 else None)
        linger(shop, billing, until=600.0)
    return world
