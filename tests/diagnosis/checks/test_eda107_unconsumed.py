"""What EDA107 (unconsumed) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import Telemetry, flow, pairs

from .helpers import LIKELY, SUSPECT, only, opened, reported

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from diagnosis.telemetry import Flow


def test_nobody_reads(diagnose: Diagnose) -> None:
    made = flow()
    for turn in range(5):
        made.shop.send("audit", turn, turn)
    finding = only(diagnose(made.world).findings, "EDA107")
    assert (finding.verdict, finding.destination, finding.count, opened(finding)) == (LIKELY, "audit", 5, {"G9"})


def test_a_queue_of_another_name_is_known_by_its_messages(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
    sent = shop.send("orders:placed", 0.0)
    sent.destination = "orders:placed:mail"
    mail.process(sent, 0.1)
    shop.other("still here", 60.0, 0.1)
    assert diagnose(world, "EDA107").findings == ()


def test_the_two_ends_of_a_connection_may_name_its_host_differently(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop, screen = world.service("shop", system="zeromq"), world.service("screen", system="zeromq")
    sent = shop.send("tcp://127.0.0.1:5555", 0.0)
    shop.send("tcp://127.0.0.1:6666", 0.0)
    sent.destination = "tcp://*:5555"
    without_context = screen.process(sent, 0.1)
    del without_context.json["links"], without_context.json["parentSpanId"]
    shop.other("still here", 60.0, 0.1)
    assert only(diagnose(world, "EDA107").findings, "EDA107").destination == "tcp://127.0.0.1:6666"


def sharded(read: int = 60) -> Flow:
    """Let members assign themselves two of a topic's three partitions."""
    return flow(60, 3, skip={turn for turn in range(60) if turn % 3 == 2 or turn >= read})


def test_a_partition_that_nobody_has(diagnose: Diagnose) -> None:
    finding = only(diagnose(sharded().world, "EDA107").findings, "EDA107")
    assert (finding.verdict, finding.count, opened(finding)) == (LIKELY, 20, {"G9"})
    assert "nothing received from partition 2, while 38 later messages" in str(finding.detail)


def test_a_partition_may_be_that_of_a_topic_of_that_name_elsewhere(diagnose: Diagnose) -> None:
    made = sharded()
    for message in made.messages[2::3]:
        message.span.json["attributes"] += pairs({"server.port": 9093})
        message.span.json["attributes"].remove({"key": "server.port", "value": {"intValue": "9092"}})
    assert only(diagnose(made.world, "EDA107").findings, "EDA107").verdict is SUSPECT


def test_a_reader_that_has_just_begun_may_come_to_it(diagnose: Diagnose) -> None:
    assert diagnose(sharded(read=20).world, "EDA107").findings == ()


def test_a_member_that_has_it_may_come_to_it(diagnose: Diagnose) -> None:
    made = sharded()
    reported(made, "eda.consumer.assigned", 0.0, where=2)
    assert diagnose(made.world, "EDA107").findings == ()


def test_a_poll_that_does_not_name_all_its_messages(diagnose: Diagnose) -> None:
    made = sharded()
    poll = made.billing.receive(made.messages[3:6], 0.5)
    poll.json["links"] = poll.json["links"][:2]
    assert diagnose(made.world, "EDA107").findings == ()
