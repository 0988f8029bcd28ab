"""What is told of faults beside worlds that look like them: what fails and is kept, tried again, or of another log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.honest.calls import FAILED, calling
from diagnosis.telemetry import Message, Service, Span, Telemetry, flow

from .helpers import CONFIRMED, LIKELY, SUSPECT, only, opened

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose


@pytest.mark.parametrize(
    ("call", "always", "verdict"),
    [
        (None, False, CONFIRMED),
        ("POST", True, CONFIRMED),
        ("SELECT shop.customers", False, CONFIRMED),  # what only reads keeps nothing
        ("ROLLBACK", False, CONFIRMED),
        ("INSERT shop.inbox_later", False, LIKELY),
    ],
)
def test_a_call_that_only_the_failed_attempt_makes(
    diagnose: Diagnose, call: str | None, always: bool, verdict: object
) -> None:
    finding = only(diagnose(calling(call, always=always)).findings, "EDA104")
    assert (finding.verdict, finding.offsets) == (verdict, (FAILED, FAILED))


@pytest.mark.parametrize("retried", [False, True])
def test_a_failure_whose_send_tells_no_offset(diagnose: Diagnose, retried: bool) -> None:
    made = flow(40, 1, skip={12})
    work = made.billing.process(made.messages[12], 1.21, error="ValueError")
    if retried:
        made.billing.process(made.messages[12], 1.215)
    made.billing.commit("orders", 1.22, 13)
    for message in made.messages:
        place = ("messaging.destination.partition.id", "messaging.kafka.offset")
        message.span.json["attributes"] = [p for p in message.span.json["attributes"] if p["key"] not in place]
    found = diagnose(made.world, "EDA104").findings
    if retried:
        assert found == ()
        return
    finding = only(found, "EDA104")
    assert (finding.verdict, finding.offsets, opened(finding)) == (LIKELY, (12, 12), set())
    assert work.id in {item.other_span_id for item in finding.evidence}


def _batch(shop: Service, at: float, first: int) -> list[Message]:
    """Send ten messages by one span, which tells the first offset and links to the creation of each."""
    made = [shop.other("create", at, 0.0001, said={"messaging.operation.type": "create"}, kind=4) for _ in range(10)]
    sent = shop.send("orders", at + 0.01, first, said={"messaging.batch.message_count": 10})
    sent.span.json["kind"] = 3
    sent.span.json["links"] = [{"traceId": span.trace, "spanId": span.id} for span in made]
    for span in made:
        span.json["attributes"].append({"key": "messaging.system", "value": {"stringValue": "kafka"}})
    return [Message(span, "orders", "0", first + place) for place, span in enumerate(made)]


@pytest.mark.parametrize("marked", [False, True])
def test_a_message_of_a_batch_is_lost(diagnose: Diagnose, marked: bool) -> None:
    world = Telemetry()
    shop, billing = world.service("shop"), world.service("billing", group="billing")
    for turn in range(4):
        for place, message in enumerate(_batch(shop, turn, turn * 10)):
            at, failed = turn + 0.1 + place * 0.01, message.offset == 13
            said = {"eda.message.skipped": True} if failed and marked else None
            billing.process(message, at, error="ValueError" if failed else None, said=said)
            billing.commit("orders", at + 0.005, (message.offset or 0) + 1)
    for service in (shop, billing):
        service.other("still here", 60.0, 0.01)
    finding = only(diagnose(world, "EDA104").findings, "EDA104")
    assert finding.verdict >= LIKELY
    assert finding.offsets == (13, 13)


def _failing(again: bool, topic: str, by: str = "billing") -> Telemetry:
    """One message fails three times; it is sent to a topic, where it is done or fails, too."""
    made = flow(60, 1, skip={20})
    for turn in range(3):
        work: Span = made.billing.process(made.messages[20], 2.01 + turn * 0.02, error="IllegalState")
    sent = made.billing.send(topic, 2.08, 0, parent=work)
    reader = made.billing if by == "billing" else made.world.service(by, group=by)
    reader.process(sent, 3.1, error=None if again else "IllegalState")
    made.billing.commit("orders", 2.09, 21)
    return made.world


@pytest.mark.parametrize(
    ("again", "topic", "by", "found"),
    [
        (True, "orders-retry-1000", "billing", False),
        (False, "orders-retry-1000", "billing", True),
        (True, "orders.dlt", "billing", True),  # who looks at the dead letters is done with one when it is told
        (True, "orders-retry-1000", "support", True),
    ],
)
def test_what_another_try_did_is_no_poison(diagnose: Diagnose, again: bool, topic: str, by: str, found: bool) -> None:
    findings = [
        item for item in diagnose(_failing(again, topic, by), "EDA402").findings if item.destination == "orders"
    ]
    assert [item.verdict for item in findings] == [LIKELY] * found


@pytest.mark.parametrize(("number", "verdict"), [("order-7", SUSPECT), ("order-8", LIKELY)])
def test_a_refused_message_of_one_id_that_was_sent_again(diagnose: Diagnose, number: str, verdict: object) -> None:
    world = Telemetry()
    api, mail = world.service("api", system="rabbitmq"), world.service("mail", system="rabbitmq")
    api.send("mail", 1.0, error="eda.nacked", said={"messaging.message.id": "order-7"})
    mail.process(api.send("mail", 1.1, said={"messaging.message.id": number}), 1.2)
    api.other("still here", 60.0, 0.1)
    assert only(diagnose(world, "EDA106").findings, "EDA106").verdict is verdict


@pytest.mark.parametrize("crossed", [False, True])
def test_two_brokers_that_share_no_message(diagnose: Diagnose, crossed: bool) -> None:
    world = Telemetry()
    for place in range(2):
        shop, billing = world.service("shop"), world.service("billing", group="billing")
        for turn in range(30):
            said = {"server.address": f"broker-{place}", "eda.message.key.hash": f"k{turn % 4}"}
            message = shop.send("orders", turn * 0.1 + place * 0.05, turn + 30 * (1 - place), said=said)
            there = {"server.address": "broker-0"} if crossed and turn == 9 else {}
            billing.process(message, turn * 0.1 + place * 0.05 + 0.01, said={**said, **there})
    found = diagnose(world, "EDA301").findings
    assert [item.verdict for item in found] == ([LIKELY] if crossed else [])


@pytest.mark.parametrize(("took", "found"), [(0.2, 0), (0.02, 1)])
def test_two_owners_at_once_are_no_handover(diagnose: Diagnose, took: float, found: int) -> None:
    made = flow(40, 1, skip=set(range(40)))
    other = made.world.service("billing", group="billing")
    for turn, message in enumerate(made.messages):
        made.billing.process(message, 7.0 + turn * 0.3, took)
        if turn >= 25:
            other.process(message, 7.05 + turn * 0.3, took)
    assert len(diagnose(made.world, "EDA602").findings) == found


def test_processes_of_no_named_machine_have_a_clock_each(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop = world.service("shop", host="localhost")
    first, second = (world.service("billing", group="billing", host="localhost", skew=skew) for skew in (0.0, -4.0))
    for turn in range(60):
        message = shop.send("orders", turn * 0.1, turn)
        (first if turn < 30 else second).process(message, turn * 0.1 + (0.01 if turn < 30 else 0.5))
    assert diagnose(world, "EDA501").findings == ()


@pytest.mark.parametrize(("share", "verdict"), [(1, LIKELY), (2, SUSPECT)])
@pytest.mark.parametrize("system", ["nats", "aws_sqs"])
def test_a_queue_of_any_system_whose_reader_went(diagnose: Diagnose, system: str, share: int, verdict: object) -> None:
    world = Telemetry()
    shop, mail = world.service("shop", system=system), world.service("mail", system=system)
    for turn in range(200):
        message = shop.send("jobs", turn * 1.0)
        if turn < 60 and turn % share == 0:  # others are done by a worker without instrumentation
            mail.process(message, turn * 1.0 + 0.1)
    finding = only(diagnose(world, "EDA504").findings, "EDA504")
    assert (finding.verdict, finding.system) == (verdict, system)
    assert finding.count == 140 + (share > 1)


@pytest.mark.parametrize("one_send", [True, False])
def test_a_second_copy_that_the_handler_refuses(diagnose: Diagnose, one_send: bool) -> None:
    world = Telemetry()
    shop, billing = world.service("shop"), world.service("billing", group="billing")
    number = None if one_send else {"messaging.message.id": "order-12"}
    for turn in range(40):
        at, copied = turn * 0.1, turn in {12, 13}
        # The outbox sends the event once more. Or the client does, and its one span tells the later place.
        if turn != 13 or not one_send:
            place = 13 if turn == 12 and one_send else turn
            message = shop.send("orders", at, place, said=number if copied else None)
        read = Message(message.span, "orders", "0", turn)
        billing.process(
            read, at + 0.01, error="IntegrityError" if turn == 13 else None, said=number if copied else None
        )
        billing.commit("orders", at + 0.02, turn + 1)
    for service in (shop, billing):
        service.other("still here", 60.0, 0.01)
    assert only(diagnose(world, "EDA104").findings, "EDA104").verdict is SUSPECT


@pytest.mark.parametrize("topic", ["orders.dlq", "orders.late"])
def test_who_copies_dead_letters_sets_nothing_aside(diagnose: Diagnose, topic: str) -> None:
    world = Telemetry()
    ops = world.service("archive", group="archive")
    for turn in range(20):
        read = Message(ops.other("elsewhere", turn - 5.0, 0.001), topic, "0", turn)
        ops.send(f"{topic}.dlq.copy", turn + 0.002, turn, parent=ops.process(read, turn * 1.0))
    finding = only(diagnose(world, "EDA405").findings, "EDA405")
    assert finding.verdict is (LIKELY if topic == "orders.dlq" else CONFIRMED)


def test_a_batch_that_failed_once_and_tells_no_offsets(diagnose: Diagnose) -> None:
    world = Telemetry()
    shop, billing = world.service("shop"), world.service("billing", group="billing")
    for turn in range(20):
        messages = [shop.send("orders", turn + place * 0.05, turn * 10 + place) for place in range(10)]
        error = "RuntimeError" if turn == 5 else None
        work = billing.process(Message(messages[0].span, "orders", None, None), turn + 0.6, 0.05, error=error)
        del work.json["parentSpanId"]
        work.json["links"] = [{"traceId": one.span.trace, "spanId": one.span.id} for one in messages]
    for service in (shop, billing):
        service.other("still here", 60.0, 0.01)
    finding = only(diagnose(world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.count) == (SUSPECT, 10)
