"""What EDA104 (lost in the consumer) makes of errors that a handler only logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import flow

from .helpers import SUSPECT, logged, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


@pytest.mark.parametrize("beside", [True, False])
def test_an_error_that_was_logged_in_a_span_of_the_framework(diagnose: Diagnose, beside: bool) -> None:
    made = flow()
    parent = made.messages[12].span if beside else made.works[12]
    logged(made, made.billing.other("execute charge", 1.211, 0.001, parent), "KeyError")
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets) == (SUSPECT, (6, 6))
    assert "logged an error" in finding.cause


def test_what_is_logged_elsewhere_or_later_in_the_trace_is_no_error_of_the_attempt(diagnose: Diagnose) -> None:
    made = flow()
    logged(made, made.billing.other("clean up", 1.4, 0.001, made.messages[12].span), "KeyError")
    made.shop.other("store order", 1.211, 0.001, made.messages[12].span)
    assert diagnose(made.world, "EDA104").findings == ()


@pytest.mark.parametrize("told", [True, False])
def test_a_loop_that_ended_at_a_message_and_logged_why(diagnose: Diagnose, told: bool) -> None:
    made = flow(skip={12})
    attempt = made.billing.process(made.messages[12], 1.21, said={"eda.process.abandoned": True})
    made.billing.commit("orders", 1.22, 7)
    if told:
        logged(made, attempt, "KeyError")
        finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
        assert (finding.verdict, finding.offsets) == (SUSPECT, (6, 6))
        assert "logged an error" in finding.cause
    else:
        assert diagnose(made.world, "EDA104").findings == ()
