"""What has become of messages that were given back to the broker, and of those sent long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from diagnosis.telemetry import Telemetry

from otel_eda.serve.questions.delivery import delivery
from otel_eda.serve.questions.heat import heat
from serve.asked import START, asked, reading

if TYPE_CHECKING:
    from pathlib import Path

    from diagnosis.telemetry import Message, Service

NUMBER = 10


def refused(reader: Service, message: Message, at: float) -> None:
    said = {"messaging.operation.name": "nack", "messaging.consumer.group.name": reader.group}
    span = reader._span("settle", message.destination, at, 0.001, {**said, "eda.settle.requeue": True})
    span.json["links"] = [message.link]


def given_back(again: bool, error: str | None) -> Telemetry:
    """Let `billing` give each message back once, and process it then if it gets it again; `mail` has no trouble."""
    world = Telemetry()
    world.metrics = False
    shop = world.service("shop", system="rabbitmq")
    billing, mail = (world.service(name, group=name, system="rabbitmq") for name in ("billing", "mail"))
    for turn in range(NUMBER):
        message = shop.send("orders", turn * 0.1, said={"messaging.message.id": f"m{turn}"})
        billing.process(message, turn * 0.1 + 0.01, error=error)
        refused(billing, message, turn * 0.1 + 0.02)
        if again:
            billing.process(message, turn * 0.1 + 0.05)
        mail.process(message, turn * 0.1 + 0.01)
    return world


@pytest.mark.parametrize("step", [1 / 3, 0.7, 1.001, 7.77777])
def test_each_message_is_in_an_interval_whatever_the_step(tmp_path: Path, step: float) -> None:
    with reading(tmp_path, given_back(True, None).lines()) as reader:
        told = delivery(reader, asked(2, seconds=100, step=step))["series"]
        counted = heat(reader, asked(2, seconds=100, step=step))
    for one in told:
        assert sum(interval["sent"] for interval in one["intervals"]) == one["total"]["sent"] == NUMBER
        (first, *_) = (interval["time"] for interval in one["intervals"] if interval["sent"])
        assert first <= START < first + step
    assert sum(map(sum, counted["counts"])) == 3 * NUMBER


@pytest.mark.parametrize("error", ["ValueError", None])
@pytest.mark.parametrize("again", [True, False])
def test_a_message_that_was_given_back_failed_unless_a_later_attempt_succeeded(
    tmp_path: Path, again: bool, error: str | None
) -> None:
    with reading(tmp_path, given_back(again, error).lines()) as reader:
        told = delivery(reader, asked(60, seconds=120))
    totals = {one["group"]: one["total"] for one in told["series"]}
    assert totals["mail"]["processed"] == NUMBER
    assert totals["billing"]["processed" if again else "failed"] == NUMBER
