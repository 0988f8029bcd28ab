"""What EDA107 (unconsumed) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import Telemetry, flow

from .helpers import LIKELY, only, opened

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


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
