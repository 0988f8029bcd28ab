"""What a refusal for good is, where it is known whether its queue dead-letters, and where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_eda.diagnosis.finding import Verdict

from .telemetry import Message
from .test_redeliveries import REJECTED, found, queues

if TYPE_CHECKING:
    from .conftest import Diagnose
    from .telemetry import Span
    from .test_redeliveries import Queues

__all__ = ["queues"]
LIKELY, SUSPECT, CONFIRMED = Verdict.LIKELY, Verdict.SUSPECT, Verdict.CONFIRMED
NAME = "messaging.operation.name"


def refused(queues: Queues, at: float, dead_letter: bool | None) -> Span:
    """Have a message fail and refused for good, in a queue that was or was not declared with a dead-letter exchange."""
    known = {} if dead_letter is None else {"eda.settle.dead_letter": dead_letter}
    sent = queues.shop.send("orders", at)
    work = queues.billing.process(sent, at + 0.1, error="ValueError")
    queues.refuse(work, at + 0.2, "reject", **{"eda.settle.requeue": False}, **known)
    return sent.span


@pytest.mark.parametrize(
    ("dead_letter", "expected", "text"),
    [
        (None, "EDA104", "refused for good, and nobody had it after that"),
        (False, "EDA104", "refused for good in a queue that was declared without a dead-letter exchange, and nobody"),
        (True, "EDA405", "refused for good in a queue with a dead-letter exchange, and nobody had it after that"),
    ],
)
def test_a_refusal_is_a_loss_unless_its_queue_dead_letters(
    diagnose: Diagnose, queues: Queues, dead_letter: bool | None, expected: str, text: str
) -> None:
    refused(queues, 5.0, dead_letter)
    [finding] = diagnose(queues.world, "EDA104", "EDA405").findings
    assert (finding.code, finding.verdict, finding.destination) == (expected, LIKELY, "orders")
    assert text in (finding.detail or "")


@pytest.mark.parametrize(("operation", "verdict"), [("reject", LIKELY), ("nack", LIKELY), ("ack", SUSPECT)])
def test_who_asks_a_thread_for_its_error_and_refuses_has_not_done_it(
    diagnose: Diagnose, queues: Queues, operation: str, verdict: Verdict
) -> None:
    sent = queues.shop.send("orders", 5.0)
    work = queues.billing.process(sent, 5.1, error="KeyError", said={"eda.process.handed_over": True})
    queues.refuse(work, 5.2, operation, **({} if operation == "ack" else {"eda.settle.requeue": False}))
    assert found(diagnose, queues, "EDA104") == [("EDA104", verdict)]


@pytest.mark.parametrize("metrics", [True, False])
def test_a_dead_letter_needs_no_counts(diagnose: Diagnose, queues: Queues, metrics: bool) -> None:
    refused(queues, 5.0, True)
    queues.world.metrics = metrics
    assert found(diagnose, queues, "EDA104", "EDA405") == [("EDA405", LIKELY)]


def test_a_dead_letter_that_is_young_is_suspect(diagnose: Diagnose, queues: Queues) -> None:
    refused(queues, 59.0, True)
    assert found(diagnose, queues, "EDA104", "EDA405") == [("EDA405", SUSPECT)]


def test_a_dead_letter_that_is_read_is_told_once(diagnose: Diagnose, queues: Queues) -> None:
    sent = refused(queues, 5.0, True)
    queues.clerk.process(Message(sent, "dead", None, None), 6.0, said=REJECTED)
    assert found(diagnose, queues, "EDA104", "EDA405") == [("EDA405", CONFIRMED)]


def test_a_dead_letter_is_on_its_way_where_others_came_back(diagnose: Diagnose, queues: Queues) -> None:
    sent = refused(queues, 5.0, True)
    said = {"eda.message.death_count": 2, "eda.message.death_reason": "expired"}
    queues.billing.process(Message(sent, "orders", None, None), 15.0, said=said)
    refused(queues, 20.0, True)
    assert found(diagnose, queues, "EDA104", "EDA405") == []


@pytest.mark.parametrize(
    ("operation", "known", "verdict"),
    [
        ("reject", {"eda.settle.requeue": False, "eda.settle.dead_letter": False}, LIKELY),
        ("reject", {"eda.settle.requeue": False}, SUSPECT),  # a dead letter would not be known again
        ("ack", {}, SUSPECT),  # nor would a copy
    ],
)
def test_what_a_sender_without_instrumentation_sent_is_known_by_its_attempt(
    diagnose: Diagnose, queues: Queues, operation: str, known: dict[str, bool], verdict: Verdict
) -> None:
    work = queues.billing._span("process", "orders", 5.1, 0.2, {"error.type": "KeyError"})
    queues.billing._span("settle", "orders", 5.2, 0.001, {NAME: operation, **known}, work)
    [finding] = diagnose(queues.world, "EDA104").findings
    assert (finding.verdict, finding.error, finding.trace_ids) == (verdict, "KeyError", (work.trace,))


@pytest.mark.parametrize(("read", "verdict"), [(None, LIKELY), (4.0, LIKELY), (20.0, SUSPECT)])
def test_a_dead_letter_without_a_context_may_be_any_that_was_read_since(
    diagnose: Diagnose, queues: Queues, read: float | None, verdict: Verdict
) -> None:
    work = queues.billing._span("process", "orders", 5.1, 0.2, {"error.type": "KeyError"})
    said = {NAME: "reject", "eda.settle.requeue": False, "eda.settle.dead_letter": True}
    queues.billing._span("settle", "orders", 5.2, 0.001, said, work)
    if read is not None:
        queues.clerk._span("process", "dead", read, 0.01, {**REJECTED})
    unread = [item for item in diagnose(queues.world, "EDA405").findings if item.destination == "orders"]
    assert [(item.verdict, item.error, item.trace_ids) for item in unread] == [(verdict, "KeyError", (work.trace,))]


def test_an_attempt_that_answers_for_others_without_a_context_says_little(diagnose: Diagnose, queues: Queues) -> None:
    work = queues.billing._span("process", "orders", 5.1, 0.2, {"error.type": "KeyError"})
    for turn in range(3):
        said = {NAME: "reject", "eda.settle.requeue": False, "eda.settle.dead_letter": False}
        queues.billing._span("settle", "orders", 5.2 + turn / 100, 0.001, said, work)
    assert found(diagnose, queues, "EDA104") == [("EDA104", SUSPECT)]
