"""What EDA701 (broken propagation) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import BEGIN, flow, pairs

from .helpers import CONFIRMED, LIKELY, SUSPECT, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


def test_another_trace_without_a_link(diagnose: Diagnose) -> None:
    made = flow()
    cut = made.works[12].json
    del cut["links"], cut["parentSpanId"]
    cut["traceId"] = made.world.id(16)
    finding = only(diagnose(made.world, "EDA701").findings, "EDA701")
    assert (finding.verdict, finding.offsets, finding.count) == (LIKELY, (6, 6), 1)
    cut["attributes"] += pairs({"eda.message.timestamp": BEGIN // 1_000_000 + 1200})  # so it is that very message
    assert only(diagnose(made.world, "EDA701").findings, "EDA701").verdict is CONFIRMED


def test_no_context_ever_came(diagnose: Diagnose) -> None:
    made = flow()
    made.world.services.remove(made.shop)
    for work in made.works:
        del work.json["links"], work.json["parentSpanId"]
    assert only(diagnose(made.world, "EDA701").findings, "EDA701").verdict is SUSPECT


def test_the_span_of_its_poll_has_the_link(diagnose: Diagnose) -> None:
    made = flow()
    poll = made.billing.receive([made.messages[12]], 1.205)
    cut = made.works[12].json
    del cut["links"]
    cut["traceId"], cut["parentSpanId"] = poll.trace, poll.id
    assert diagnose(made.world, "EDA701").findings == ()
    poll.json["links"] = []
    assert only(diagnose(made.world, "EDA701").findings, "EDA701").verdict is LIKELY


def test_another_message_at_its_place_that_was_continued_without_a_link(diagnose: Diagnose) -> None:
    """As after a log was cut off: a second message has the offset, and an instrumentation only continues its trace."""
    made = flow()
    again = made.shop.send("orders", 1.2005, made.messages[12].offset, 0)
    cut = made.works[12].json
    del cut["links"]
    cut["traceId"], cut["parentSpanId"] = again.span.trace, again.span.id
    assert diagnose(made.world, "EDA701").findings == ()
