"""What EDA104 makes of messages that the broker took for done when it sent them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_eda.diagnosis.finding import Verdict

from .test_redeliveries import found, queues

if TYPE_CHECKING:
    from .conftest import Diagnose
    from .telemetry import Message
    from .test_redeliveries import Queues

__all__ = ["queues"]
AUTO: dict[str, Any] = {"eda.message.auto_ack": True}
LOST, SUSPECTED = [("EDA104", Verdict.LIKELY)], [("EDA104", Verdict.SUSPECT)]


def attempt(queues: Queues, error: str | None = "ValueError", **said: Any) -> Message:
    """Have a message worked on once."""
    message = queues.shop.send("orders", 5.0)
    queues.billing.process(message, 5.1, error=error, said=said)
    return message


def test_what_fails_is_lost(diagnose: Diagnose, queues: Queues) -> None:
    attempt(queues, **AUTO)
    [finding] = diagnose(queues.world, "EDA104").findings
    assert (finding.verdict, finding.error) == (Verdict.LIKELY, "ValueError")
    assert finding.cause == "the handler failed at a message that the broker took for done when it sent it"
    assert "acknowledged by the broker when it was sent, and nobody had it after that" in (finding.detail or "")


@pytest.mark.parametrize("said", [AUTO, {**AUTO, "eda.process.abandoned": True}])
def test_what_succeeds_or_ends_otherwise_is_not(diagnose: Diagnose, queues: Queues, said: dict[str, Any]) -> None:
    attempt(queues, None, **said)
    assert found(diagnose, queues, "EDA104") == []


def test_what_fails_may_come_again_where_the_broker_waits_for_an_answer(diagnose: Diagnose, queues: Queues) -> None:
    attempt(queues)  # no span tells of any answer
    assert found(diagnose, queues, "EDA104") == SUSPECTED


def test_what_somebody_had_after_that_is_not(diagnose: Diagnose, queues: Queues) -> None:
    queues.clerk.process(attempt(queues, **AUTO), 8.0)
    assert found(diagnose, queues, "EDA104") == []


def test_who_asks_a_thread_for_its_error_may_do_something_about_it(diagnose: Diagnose, queues: Queues) -> None:
    attempt(queues, "ValueError", **AUTO, **{"eda.process.handed_over": True})
    assert found(diagnose, queues, "EDA104") == SUSPECTED


def test_what_the_attempt_sent_may_be_its_answer(diagnose: Diagnose, queues: Queues) -> None:
    message = queues.shop.send("orders", 5.0)
    work = queues.billing.process(message, 5.1, 0.5, error="ValueError", said=AUTO)
    queues.billing.send("answers", 5.2, parent=work)
    assert found(diagnose, queues, "EDA104") == SUSPECTED


def test_what_nobody_would_know_again_is_a_suspect(diagnose: Diagnose, queues: Queues) -> None:
    # Its sender has no instrumentation, so there is no context in it.
    queues.billing._span("process", "orders", 5.1, 0.2, {"error.type": "ValueError", **AUTO})
    assert found(diagnose, queues, "EDA104") == SUSPECTED
