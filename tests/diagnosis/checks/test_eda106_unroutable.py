"""What EDA106 (unroutable) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import Telemetry

from .helpers import CONFIRMED, LIKELY, SUSPECT, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


@pytest.mark.parametrize(
    ("error", "cause"), [("eda.returned", "no queue is bound"), ("pika.exceptions.NackError", "take care")]
)
def test_returned_or_refused(diagnose: Diagnose, error: str, cause: str) -> None:
    world = Telemetry()
    shop = world.service("shop", system="rabbitmq")
    shop.send("orders", 0.0, error=error)
    finding = only(diagnose(world).findings, "EDA106")
    assert (finding.verdict, finding.count) == (CONFIRMED, 1)
    assert cause in finding.cause


@pytest.mark.parametrize(("frame", "cause"), [("Return", "no queue is bound"), ("Nack", "take care")])
def test_the_frame_in_an_exception_tells_what_the_broker_did(diagnose: Diagnose, frame: str, cause: str) -> None:
    world = Telemetry()
    shop = world.service("shop", system="rabbitmq")
    refused = shop.send("orders", 0.0, error="aiormq.exceptions.DeliveryError")
    refused.span.json["status"]["message"] = f"Message delivery failed: Basic.{frame}(delivery_tag=3)"
    assert cause in only(diagnose(world).findings, "EDA106").cause
    shop.send("orders", 1.0, said={"eda.send.repeats": refused.span.id})
    assert diagnose(world, "EDA106").findings == ()


def test_numbers_that_never_came(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop, screen = world.service("shop", system="zeromq"), world.service("screen", system="zeromq")
    for turn in range(30):
        said = {"eda.sender.id": "aa", "eda.sender.sequence": turn}
        sent = shop.send("prices", turn * 0.1, said=said)
        if turn > 2 and turn not in {10, 11}:
            screen.process(sent, turn * 0.1 + 0.01, said=said)
    shop.other("still here", 60.0, 0.1)
    found = {finding.cause: finding for finding in diagnose(world, "EDA106").findings}
    assert {cause.split(" ")[1]: finding.count for cause, finding in found.items()} == {"receiver": 3, "queue": 2}
    assert {finding.verdict for finding in found.values()} == {LIKELY}


@pytest.mark.parametrize("same_trace", [False, True])
def test_what_a_full_socket_refused_may_have_been_sent_again(diagnose: Diagnose, same_trace: bool) -> None:
    world = Telemetry()
    shop = world.service("shop", system="zeromq")
    order = shop.other("order", 0.9, 0.5)
    later = order if same_trace else shop.other("another", 1.9, 0.5)
    refused = shop.send("prices", 1.0, error="zmq.error.Again", parent=order, said={"eda.send.refused": True})
    shop.send("prices", 2.0, parent=later)
    finding = only(diagnose(world, "EDA106").findings, "EDA106")
    assert finding.verdict is (SUSPECT if same_trace else LIKELY)
    shop.send("prices", 3.0, parent=later, said={"eda.send.repeats": refused.span.id})
    assert diagnose(world, "EDA106").findings == ()


@pytest.mark.parametrize(("dropped", "found"), [(set(range(8)), 8), ({*range(8), 20}, 0), (set(range(45)), 0)])
def test_a_filter_that_lets_all_later_ones_through(diagnose: Diagnose, dropped: set[int], found: int) -> None:
    world = Telemetry()
    shop, screen = world.service("shop", system="zeromq"), world.service("screen", system="zeromq")
    for turn in range(50):
        sent = shop.send("prices", turn * 0.1, said={"eda.sender.id": "aa", "eda.sender.sequence": turn})
        if turn not in dropped:
            screen.process(sent, turn * 0.1 + 0.01)  # whoever filters does not count
    shop.other("still here", 60.0, 0.1)
    findings = diagnose(world, "EDA106").findings
    assert [(item.verdict, item.count) for item in findings] == [(LIKELY, found)] * bool(found)


@pytest.mark.parametrize(
    ("name", "where", "verdict"),
    [("m-7", "mails", SUSPECT), ("m-7", "news", CONFIRMED), ("7", "mails", CONFIRMED)],  # each may count its own
)
def test_another_service_may_send_it_again(diagnose: Diagnose, name: str, where: str, verdict: Verdict) -> None:
    world, said = Telemetry(), {"messaging.message.id": name}
    world.service("shop", system="rabbitmq").send("mails", 0.0, error="eda.returned", said=said)
    world.service("retry-job", system="rabbitmq").send(where, 60.0, said=said)
    assert only(diagnose(world, "EDA106").findings, "EDA106").verdict is verdict
