"""What EDA702 (clock skew) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import flow

from .helpers import CONFIRMED, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_processed_before_it_was_sent(diagnose: Diagnose) -> None:
    finding = only(diagnose(flow(skew=-120.0, host="host-2").world, "EDA702").findings, "EDA702")
    assert (finding.verdict, finding.count) == (CONFIRMED, 40)
    assert "119.99 s behind that of shop" in str(finding.detail)


def test_ids_of_two_sends_tell_no_time(diagnose: Diagnose) -> None:
    made = flow(skew=-120.0, host="host-2")
    twin = made.world.service("shop")
    for message in made.messages[10:]:
        again = twin.send("orders", 3600.0, 0).span.json
        again["traceId"], again["spanId"] = message.span.trace, message.span.id
    assert only(diagnose(made.world, "EDA702").findings, "EDA702").count == 10
