"""What EDA105 (expired unread) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import Message, Telemetry, flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, only, opened, processed, stood

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


@pytest.mark.parametrize(
    ("reason", "cause", "verdict"), [("expired", "longer than", SUSPECT), ("maxlen", "maximum length", CONFIRMED)]
)
def test_says_the_broker(diagnose: Diagnose, reason: str, cause: str, verdict: Verdict) -> None:
    world = Telemetry()
    shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
    died = {"eda.message.death_count": 1, "eda.message.death_reason": reason}
    message = shop.send("orders", 0.0)
    mail.process(Message(message.span, "orders.dead", None, None), 9.0, said=died)
    found = diagnose(world).findings
    assert [finding.code for finding in found] == ["EDA105"]
    assert found[0].verdict is verdict
    assert cause in found[0].cause


@pytest.mark.parametrize(("start", "found"), [(10, {"EDA105"}), (0, {"EDA104"})])
def test_thrown_out_by_retention(diagnose: Diagnose, start: int, found: set[str]) -> None:
    made = flow(40, 1, skip=set(range(5, 10)))
    stood(made, next=40, start=start)
    likely = [finding for finding in diagnose(made.world).findings if finding.verdict > SUSPECT]
    assert {finding.code for finding in likely} == found
    assert {(finding.verdict, finding.offsets, finding.count) for finding in likely} == {(LIKELY, (5, 9), 5)}


def test_what_retention_threw_out_may_have_been_read_where_spans_are_missing(diagnose: Diagnose) -> None:
    made = flow(40, 1)
    made.billing.spans.remove(made.works[7])
    processed(made, 40)
    stood(made, next=40, start=10)
    finding = only(diagnose(made.world, grace=1.0).findings, "EDA105")
    assert (finding.verdict, finding.offsets, opened(finding)) == (SUSPECT, (7, 7), {"G1", "G2"})
