"""A message that is sent, refused, dead-lettered and delivered again is told from one to which a fault does that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from otel_eda.diagnosis.finding import Verdict

from .telemetry import BEGIN, SECOND, Message, Service, Span, Telemetry, metric, pairs, scoped

if TYPE_CHECKING:
    from .conftest import Diagnose

EXPIRED = {"eda.message.death_count": 1, "eda.message.death_reason": "expired"}
REJECTED = {"eda.message.death_count": 1, "eda.message.death_reason": "rejected"}


@dataclass
class Queues:
    """Queues of RabbitMQ: the shop sends, billing works, and a clerk looks after what was set aside."""

    world: Telemetry
    shop: Service
    billing: Service
    clerk: Service

    def refuse(self, work: Span, at: float, operation: str = "nack", **more: Any) -> None:
        """Have billing refuse the message that it works on."""
        said = {"messaging.operation.name": operation, **more}
        made = self.billing._span("settle", "orders", at, 0.001, said, work)
        made.json["links"] = work.json["links"]

    def another(self, name: str) -> Service:
        """Return one more process of a service, on RabbitMQ as the others: what Kafka has is another message."""
        made = self.world.service(name, system="rabbitmq")
        made.other("still here", 60.0, 0.01)
        return made

    def again(self, service: Service, message: Message, destination: str, at: float) -> Message:
        """Have a service send on what it received, as it is."""
        made = service.send(destination, at)
        made.span.json |= {"kind": 3, "links": [message.link]}
        return Message(message.span, destination, None, None)


@pytest.fixture
def queues() -> Queues:
    world = Telemetry(1)
    services = [world.service(name, system="rabbitmq") for name in ("shop", "billing", "clerk")]
    made = Queues(world, *services)
    for number in range(10):
        made.billing.process(made.shop.send("orders", number * 0.1), number * 0.1 + 0.01)
    for service in services:
        service.other("still here", 60.0, 0.01)
    return made


def found(diagnose: Diagnose, queues: Queues, *codes: str) -> list[tuple[str, Verdict]]:
    return [(finding.code, finding.verdict) for finding in diagnose(queues.world, *codes).findings]


def attempts(queues: Queues, number: int, took: float = 0.003, **said: Any) -> list[Span]:
    message = queues.shop.send("orders", 5.0)
    return [queues.billing.process(message, 5.1 + turn, took, said=said if turn else None) for turn in range(number)]


@pytest.mark.parametrize("operation", ["nack", "reject"])
def test_what_was_given_back_was_not_done(diagnose: Diagnose, queues: Queues, operation: str) -> None:
    first, *_ = attempts(queues, 2, **{"eda.message.redelivered": True})
    queues.refuse(first, 5.2, operation)
    assert found(diagnose, queues) == []


def test_what_is_always_given_back_is_a_poison_message(diagnose: Diagnose, queues: Queues) -> None:
    for work in attempts(queues, 4, **{"eda.message.redelivered": True}):
        queues.refuse(work, (int(work.json["endTimeUnixNano"]) - BEGIN) / SECOND)
    # It may wait for something that is not there yet.
    assert ("EDA402", Verdict.LIKELY) in found(diagnose, queues)


@pytest.mark.parametrize("answered", [False, True])
def test_what_failed_and_was_acknowledged_is_lost(diagnose: Diagnose, queues: Queues, answered: bool) -> None:
    work = queues.billing.process(queues.shop.send("orders", 5.0), 5.1, error="ValueError")
    if answered:
        queues.billing.send("answers", 5.105, parent=work)
    queues.refuse(work, 5.2, "ack")
    verdict = Verdict.SUSPECT if answered else Verdict.LIKELY
    assert found(diagnose, queues, "EDA104") == [("EDA104", verdict)]


def test_what_failed_once_and_was_acknowledged_at_last_is_not_lost(diagnose: Diagnose, queues: Queues) -> None:
    message = queues.shop.send("orders", 5.0)
    queues.billing.process(message, 5.1, error="ValueError")
    queues.refuse(queues.billing.process(message, 6.1), 6.2, "ack")
    assert found(diagnose, queues, "EDA104") == []


@pytest.mark.parametrize("missing", [False, True])
def test_what_was_refused_for_good_may_be_a_dead_letter_whose_span_is_missing(
    diagnose: Diagnose, queues: Queues, missing: bool
) -> None:
    buried = queues.shop.send("orders", 4.0)
    queues.refuse(queues.billing.process(buried, 4.1, error="ValueError"), 4.2, "reject")
    queues.clerk.process(Message(buried.span, "dead", None, None), 4.5, said=REJECTED)
    work = queues.billing.process(queues.shop.send("orders", 5.0), 5.1, error="ValueError")
    queues.refuse(work, 5.2, "reject", **{"eda.settle.requeue": False})
    if missing:
        of_dead = metric("process", 2, BEGIN + 62 * SECOND, {"messaging.destination.name": "dead"})
        queues.world.extra.append(scoped(queues.clerk, "resourceMetrics", "scopeMetrics", "metrics", [of_dead]))
    verdict = Verdict.SUSPECT if missing else Verdict.LIKELY
    assert found(diagnose, queues, "EDA104") == [("EDA104", verdict)]


def test_what_was_done_and_not_acknowledged_is_done_again(diagnose: Diagnose, queues: Queues) -> None:
    attempts(queues, 2, 0.02, **{"eda.message.redelivered": True})
    assert found(diagnose, queues) == [("EDA202", Verdict.LIKELY)]  # who never acknowledges may only look
    queues.refuse(
        queues.billing.spans[0], 0.02, "ack"
    )  # by then the attempt has ended: it may have handed its message on
    assert found(diagnose, queues) == [("EDA202", Verdict.SUSPECT)]
    queues.refuse(queues.billing.spans[1], 0.112, "ack")
    assert found(diagnose, queues) == [("EDA202", Verdict.CONFIRMED)]


@pytest.mark.parametrize(("took", "verdict"), [((0.02, 0.02), Verdict.CONFIRMED), ((0.001, 0.5), Verdict.LIKELY)])
def test_who_is_to_end_may_return_at_once(
    diagnose: Diagnose, queues: Queues, took: tuple[float, float], verdict: Verdict
) -> None:
    queues.refuse(queues.billing.spans[1], 0.112, "ack")
    message = queues.shop.send("orders", 5.0)
    queues.billing.process(message, 5.1, took[0])
    queues.billing.process(message, 6.1, took[1], said={"eda.message.redelivered": True})
    assert found(diagnose, queues) == [("EDA202", verdict)]


@pytest.mark.parametrize(("works", "verdict"), [(True, Verdict.CONFIRMED), (False, Verdict.LIKELY)])
def test_who_showed_no_work_may_have_been_ending_if_another_process_got_the_message(
    diagnose: Diagnose, queues: Queues, works: bool, verdict: Verdict
) -> None:
    queues.refuse(queues.billing.spans[1], 0.112, "ack")
    message = queues.shop.send("orders", 5.0)
    first = queues.billing.process(message, 5.1, 0.02)
    if works:
        queues.billing.other("SELECT invoices", 5.11, 0.001, first)
    replica = queues.another("billing")
    replica.process(message, 6.1, 0.02, said={"eda.message.redelivered": True})
    assert found(diagnose, queues) == [("EDA202", verdict)]


def test_a_message_sent_once_more_to_be_tried_later_is_not_reprocessed_expired_or_unread(
    diagnose: Diagnose, queues: Queues
) -> None:
    message = queues.shop.send("orders", 5.0)
    queues.billing.process(message, 5.1)
    later = queues.again(queues.billing, message, "later", 5.1005)
    queues.billing.process(Message(later.span, "orders", None, None), 6.0, said=EXPIRED)
    assert found(diagnose, queues) == []


def test_a_new_message_that_is_to_be_tried_later_is_not_expired(diagnose: Diagnose, queues: Queues) -> None:
    work = queues.billing.process(queues.shop.send("orders", 5.0), 5.1)
    later = queues.billing.send("later", 5.1005, parent=work)
    queues.billing.process(Message(later.span, "orders", None, None), 6.0, said=EXPIRED)
    assert found(diagnose, queues) == []


@pytest.mark.parametrize(("into", "verdict"), [("orders.failed", Verdict.CONFIRMED), ("cancel", Verdict.LIKELY)])
def test_what_expired_where_others_were_read_was_late(
    diagnose: Diagnose, queues: Queues, into: str, verdict: Verdict
) -> None:
    late = queues.shop.send("orders", 5.0)
    queues.clerk.process(Message(late.span, into, None, None), 6.0, said=EXPIRED)
    assert found(diagnose, queues, "EDA105") == [("EDA105", verdict)]


@pytest.mark.parametrize(("into", "verdicts"), [("reminders", []), ("planned.failed", [Verdict.SUSPECT])])
def test_what_expired_where_nobody_reads_was_meant_to_wait(
    diagnose: Diagnose, queues: Queues, into: str, verdicts: list[Verdict]
) -> None:
    late = queues.shop.send("planned", 5.0)
    queues.clerk.process(Message(late.span, into, None, None), 6.0, said=EXPIRED)
    assert found(diagnose, queues, "EDA105") == [("EDA105", verdict) for verdict in verdicts]
    assert found(diagnose, queues, "EDA107") == []


def test_a_replayed_dead_letter_died_once(diagnose: Diagnose, queues: Queues) -> None:
    message = queues.shop.send("orders", 5.0)
    queues.refuse(queues.billing.process(message, 5.1), 5.2, "reject")
    queues.clerk.process(Message(message.span, "aside", None, None), 6.0, said=REJECTED)
    replayed = queues.again(queues.clerk, message, "orders", 6.0005)
    queues.billing.process(replayed, 7.0, said=REJECTED)
    (finding,) = diagnose(queues.world, "EDA405").findings
    assert (finding.service, finding.count) == ("clerk", 1)


@pytest.mark.parametrize(("ended_by", "acked_after", "expected"), [
    ("StreamLostError", 0.9, [("EDA202", Verdict.LIKELY)]),
    (None, 0.9, [("EDA202", Verdict.LIKELY)]),
    ("StreamLostError", 0.0, []),  # it acknowledges first, and had not begun
    ("KeyError", 0.9, []),  # the handler itself failed after that
])  # fmt: skip
def test_work_that_could_not_be_acknowledged_is_done_twice_and_no_poison(
    diagnose: Diagnose, queues: Queues, ended_by: str | None, acked_after: float, expected: list[tuple[str, Verdict]]
) -> None:
    message = queues.shop.send("orders", 5.0)
    for turn in range(4):
        said = {"eda.message.redelivered": turn > 0, "eda.process.abandoned": True if ended_by is None else None}
        work = queues.billing.process(message, 6.0 + 2 * turn, took=1.0, error=ended_by, said=said)
        queues.refuse(work, 6.0 + 2 * turn + acked_after, "ack", **{"error.type": "StreamLostError"})
    codes = found(diagnose, queues, "EDA202", "EDA402")
    assert [one for one in codes if one[0] == "EDA202"] == expected
    assert bool(expected) is ("EDA402" not in [code for code, _ in codes])


@pytest.mark.parametrize(("dead_letter", "expected"), [
    (True, ("EDA405", Verdict.LIKELY)), (False, ("EDA104", Verdict.SUSPECT)),
])  # fmt: skip
def test_what_a_framework_refused_since_it_has_no_handler(
    diagnose: Diagnose, queues: Queues, dead_letter: bool, expected: tuple[str, Verdict]
) -> None:
    said = {"messaging.operation.name": "nack", "eda.settle.requeue": False, "eda.settle.dead_letter": dead_letter}
    refusal = queues.billing._span("settle", "orders", 5.2, 0.001, said)
    refusal.json["links"] = [queues.shop.send("orders", 5.0).link]
    assert found(diagnose, queues, "EDA104", "EDA405") == [expected]


@pytest.mark.parametrize("redelivered", [False, True])
def test_copies_with_the_context_of_the_first_go_round(diagnose: Diagnose, queues: Queues, redelivered: bool) -> None:
    message = queues.shop.send("orders", 5.0)
    for turn in range(6):
        queues.billing.process(message, 6.0 + turn, 0.5, said={"eda.message.redelivered": redelivered})
        queues.again(queues.billing, message, "orders", 6.1 + turn)
    assert found(diagnose, queues, "EDA404") == ([] if redelivered else [("EDA404", Verdict.LIKELY)])


@pytest.mark.parametrize(("acked_at", "number"), [(5.6, 5), (5.51, 1)])
def test_an_error_is_logged_of_a_batch_that_is_then_acknowledged(
    diagnose: Diagnose, queues: Queues, acked_at: float, number: int
) -> None:
    works = [queues.billing.process(queues.shop.send("orders", 5.0 + n / 10), 5.1 + n / 10) for n in range(5)]
    work = works[-1]
    logged = {"name": "eda.process.error_logged", "timeUnixNano": str(BEGIN + round(5.55 * SECOND))}
    work.json["events"] = [{**logged, "attributes": pairs({"exception.type": "IntegrityError"})}]
    ack = queues.billing._span("settle", "orders", acked_at, 0.001, {"messaging.operation.name": "ack"}, work)
    ack.json["links"] = [link for one in works for link in one.json["links"]]
    (finding,) = diagnose(queues.world, "EDA104").findings
    assert (finding.verdict, finding.count) == (Verdict.SUSPECT, number)


@pytest.mark.parametrize("later", [True, False])
def test_what_was_put_back_and_never_came_again(diagnose: Diagnose, queues: Queues, later: bool) -> None:
    """As of a quorum queue, which gives up what came back too often."""
    for work in attempts(queues, 3, **{"eda.message.redelivered": True}):
        queues.refuse(
            work, (int(work.json["endTimeUnixNano"]) - BEGIN) / SECOND, "nack", **{"eda.settle.requeue": True}
        )
    if later:
        queues.billing.process(queues.shop.send("orders", 9.0), 9.01)
    assert found(diagnose, queues, "EDA104") == ([("EDA104", Verdict.SUSPECT)] if later else [])


def test_what_was_put_back_and_came_to_another_queue_or_was_sent_on(diagnose: Diagnose, queues: Queues) -> None:
    for number in range(2):
        message = queues.shop.send("orders", 5.0 + number)
        queues.refuse(
            queues.billing.process(message, 5.1 + number), 5.2 + number, "nack", **{"eda.settle.requeue": True}
        )
        if number:
            queues.clerk.process(Message(message.span, "leftovers", None, None), 8.0)
        else:
            queues.again(queues.clerk, message, "later", 8.0)
    queues.billing.process(queues.shop.send("orders", 9.0), 9.01)
    assert found(diagnose, queues, "EDA104") == []
