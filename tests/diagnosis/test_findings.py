"""What findings have in common: evidence that is there, and the findings that explain them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .checks.helpers import only
from .telemetry import BEGIN, SECOND, flow, pairs

if TYPE_CHECKING:
    from .conftest import Diagnose


def test_a_flow_without_a_fault_has_no_finding(diagnose: Diagnose) -> None:
    assert diagnose(flow().world).findings == ()


def test_a_finding_about_several_spans_shows_one_that_is_there(diagnose: Diagnose) -> None:
    made = flow(skip={12, 14, 18})
    for turn in range(60):
        made.billing.process(made.messages[12], 1.21 + turn * 0.01, error="KeyError")
        made.billing.process(made.messages[14], 5.0 - turn * 0.01, said={"eda.message.key.hash": "a"})
        made.billing.process(made.messages[16], 4.0 - turn * 0.01, said={"eda.message.key.hash": "a"})
        lost = made.billing.other("orphan", 3.0, 0.1, made.messages[0].span)
        lost.json["parentSpanId"] = "00" * 7 + "01"
        said = pairs({"eda.event.type": "day.closed"})
        lost.json["events"] = [
            {"name": "eda.event.unhandled", "timeUnixNano": str(BEGIN + turn * SECOND), "attributes": said}
        ]
    made.billing.other("process", 9.0, 0.1, said={"eda.event.type": "day.opened", "code.function.name": "f"})
    for span in made.billing.spans:  # each in a trace of its own
        span.json["traceId"] = made.world.id(16)
    cut = [made.billing.process(made.messages[18], 2.0 + turn) for turn in range(5)]
    for span in cut:
        del span.json["links"], span.json["parentSpanId"]
        span.json["traceId"] = made.world.id(16)
    sent = made.messages[1].span
    for _ in range(5):
        copied = made.shop.send("orders", 5.0, 53)
        copied.span.json |= {"kind": 3, "links": [{"traceId": sent.trace, "spanId": sent.id}]}
    codes = {"EDA104", "EDA201", "EDA301", "EDA402", "EDA403", "EDA406", "EDA701", "EDA703"}
    assert codes <= {finding.code for finding in diagnose(made.world, *codes, grace=1.0).findings}


def test_a_finding_names_those_behind_it(diagnose: Diagnose) -> None:
    made = flow(skip={12})
    for turn in range(3):
        made.billing.process(made.messages[12], 1.21 + turn * 0.1, error="KeyError")
    found = only(diagnose(made.world).findings, "EDA104")
    assert found.because == ("poison message (EDA402, CONFIRMED): the handler cannot cope with what is in the message",)
