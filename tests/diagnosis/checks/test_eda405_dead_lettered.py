"""What EDA405 (dead-lettered) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import Telemetry, flow

from .helpers import LIKELY, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def test_by_its_handler(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    failed = made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.billing.send("orders.dlq", 1.211, 0, parent=failed)
    finding = only(diagnose(made.world, "EDA405").findings, "EDA405")
    assert (finding.destination, finding.partition, finding.offsets, finding.error) == (
        "orders",
        "0",
        (6, 6),
        "KeyError",
    )
    assert finding.verdict.name == "CONFIRMED"


def test_from_within_an_events_handler(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    work = made.billing.process(made.messages[12], 1.21)
    said = {"eda.event.type": "placed", "code.function.name": "bill", "error.type": "KeyError"}
    handler = made.billing.other("process placed", 1.21, 0.001, work, said=said)
    made.billing.send("orders.dlq", 1.211, 0, parent=handler)
    assert only(diagnose(made.world, "EDA405").findings, "EDA405").error == "KeyError"


def test_after_an_events_handler_whose_failure_the_consumer_caught(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    work = made.billing.process(made.messages[12], 1.21, took=0.01)
    said = {"eda.event.type": "placed", "code.function.name": "bill", "error.type": "KeyError"}
    made.billing.other("process placed", 1.21, 0.001, work, said=said)
    made.billing.send("orders.dlq", 1.212, 0, parent=work)
    finding = only(diagnose(made.world, "EDA405").findings, "EDA405")
    assert (finding.error, finding.offsets, finding.count) == ("KeyError", (6, 6), 1)
    assert "the handler failed" in finding.cause


def test_by_the_broker(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
    died = {"eda.message.death_count": 2, "eda.message.death_reason": "delivery_limit"}
    mail.process(shop.send("orders", 0.0), 9.0, said=died)
    finding = only(diagnose(world, "EDA405").findings, "EDA405")
    assert "delivery_limit" in str(finding.detail)


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        *(
            (name, [LIKELY])
            for name in (
                "orders.dead",
                "orders-poison",
                "orders.quarantine",
                "paidDlt",
                "PaymentsDLQ",
                "PaidDeadLetterQueue",
                "deadletterqueue",
            )
        ),
        *((name, []) for name in ("the-walking-dead", "ivy-poison", "orders.deadline", "handlxpress", "TheDeadline")),
    ],
)
def test_a_destination_named_after_another(diagnose: Diagnose, name: str, verdicts: list[Verdict]) -> None:
    made = flow(skip={12})
    work = made.billing.process(made.messages[12], 1.21)
    made.billing.send(name, 1.211, 0, parent=work)
    assert [finding.verdict for finding in diagnose(made.world, "EDA405").findings] == verdicts
