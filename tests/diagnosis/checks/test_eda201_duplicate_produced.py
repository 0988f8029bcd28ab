"""What EDA201 (duplicate produced) finds, how far that is proven, and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import Telemetry, flow, pairs

from .helpers import CONFIRMED, LIKELY, SUSPECT, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def test_a_retry_of_the_client(diagnose: Diagnose) -> None:
    made = flow()
    stamp = {"eda.message.timestamp": 1_790_000_005_000}
    sent = made.shop.send("orders", 5.0, 50, said=stamp)
    made.billing.process(sent, 5.1, said=stamp)
    sent.offset = 51
    made.billing.process(sent, 5.2, said=stamp)
    finding = only(diagnose(made.world, "EDA201").findings, "EDA201")
    assert (finding.verdict, finding.service, finding.partition, finding.offsets) == (
        CONFIRMED,
        "shop",
        "0",
        (50, 50),
    )
    assert "0@51" in str(finding.detail)


@pytest.mark.parametrize(("later", "verdict", "cause"), [(0.001, CONFIRMED, "lost answer"), (60.0, LIKELY, "context")])
def test_what_stands_behind_later_messages_was_put_there_later(
    diagnose: Diagnose, later: float, verdict: Verdict, cause: str
) -> None:
    made = flow()
    stamp = {"eda.message.timestamp": 1_790_000_005_000}
    sent = made.shop.send("orders", 5.0, 50, said=stamp)
    made.billing.process(sent, 5.1, said=stamp)
    made.billing.process(made.shop.send("orders", 5.0 + later, 51), 5.2 + later)
    sent.offset = 52
    made.billing.process(sent, 5.3 + later, said=stamp)
    finding = only(diagnose(made.world, "EDA201").findings, "EDA201")
    assert finding.verdict is verdict
    assert cause in finding.cause


def test_a_forwarder_to_another_topic_makes_no_duplicate(diagnose: Diagnose) -> None:
    made = flow()
    sent = made.shop.send("orders", 5.0, 50)
    copied = made.shop.send("archive", 5.5, 3)
    copied.span.json |= {"kind": 3, "links": [{"traceId": sent.span.trace, "spanId": sent.span.id}]}
    assert diagnose(made.world, "EDA201").findings == ()


def test_a_replay_is_not_sure(diagnose: Diagnose) -> None:
    made = flow()
    sent = made.shop.send("orders", 5.0, 50)
    copied = made.shop.send("orders", 5.5, 53)
    copied.span.json |= {"kind": 3, "links": [{"traceId": sent.span.trace, "spanId": sent.span.id}]}
    assert only(diagnose(made.world, "EDA201").findings, "EDA201").verdict is LIKELY


def test_a_relay_that_publishes_what_another_service_stored(diagnose: Diagnose) -> None:
    made = flow()
    created = made.shop.send("orders", 5.0)
    created.span.json |= {"attributes": pairs({"messaging.operation.type": "create"})}
    relay = made.world.service("relay")
    for offset in (50, 51):
        sent = relay.send("orders", 5.0 + offset, offset)
        sent.span.json |= {"kind": 3, "links": [{"traceId": created.span.trace, "spanId": created.span.id}]}
    finding = only(diagnose(made.world, "EDA201").findings, "EDA201")
    assert (finding.verdict, finding.service, finding.offsets) == (LIKELY, "relay", (50, 50))
    assert "outbox" in finding.cause


@pytest.mark.parametrize(("copies", "found"), [(2, 1), (5, 0)])
def test_an_event_that_two_replicas_of_a_relay_send(diagnose: Diagnose, copies: int, found: int) -> None:
    made = flow()
    relays = [made.world.service("relay") for _ in range(copies)]
    for turn, relay in enumerate(relays):
        relay.send("orders", 5.0 + turn, 50 + turn, said={"messaging.message.id": "order-7"})
    findings = [one for one in diagnose(made.world, "EDA201").findings if one.code == "EDA201"]
    assert [(one.verdict, one.offsets) for one in findings] == [(LIKELY, (50, 50))] * found


@pytest.mark.parametrize(("keys", "found"), [(("k1", "k1"), 1), (("k1", "k2"), 0)])
def test_an_event_of_a_sender_without_instrumentation_is_known_by_its_id(
    diagnose: Diagnose, keys: tuple[str, str], found: int
) -> None:
    made = flow()
    for turn, key in enumerate(keys):
        said = {
            "messaging.message.id": "8ec60ff8-fdb2",
            "eda.message.key.hash": key,
            "messaging.kafka.offset": 50 + turn,
        }
        place = {"messaging.consumer.group.name": "billing", "messaging.destination.partition.id": "0"}
        made.billing._span("process", "orders", 5.0 + turn, 0.01, {**said, **place})
    findings = diagnose(made.world, "EDA201").findings
    assert [(one.verdict, one.offsets) for one in findings] == [(LIKELY, (50, 50))] * found
    assert all("without instrumentation" in one.cause for one in findings)


def test_what_failed_and_was_sent_once_more_is_no_duplicate(diagnose: Diagnose) -> None:
    made = flow()
    said = {"messaging.message.id": "order-7"}
    made.billing.process(made.shop.send("orders", 5.0, 50, said=said), 5.1, error="ValueError")
    made.shop.send("orders", 5.5, 51, said=said)
    assert diagnose(made.world, "EDA201").findings == ()


@pytest.mark.parametrize("copies_headers", [False, True])
@pytest.mark.parametrize("handler", [False, True])
def test_a_dead_letter_that_is_replayed_is_no_duplicate(
    diagnose: Diagnose, copies_headers: bool, handler: bool
) -> None:
    made, said = flow(), {"messaging.message.id": "order-7"}
    sent = made.shop.send("orders", 5.0, 50, said=said)
    work = parent = made.billing.process(sent, 5.1, took=0.1)
    if handler:
        named = {"eda.event.type": "placed", "code.function.name": "bill"}
        parent = made.billing.other("process placed", 5.11, 0.05, work, said=named)
    made.billing.send("orders.dead", 5.12, 0, parent=parent, said=said)
    replay = made.world.service("replay").send("orders", 6.0, 51, said=said)
    if copies_headers:
        replay.span.json |= {"kind": 3, "links": [{"traceId": sent.span.trace, "spanId": sent.span.id}]}
    assert diagnose(made.world, "EDA201").findings == ()


@pytest.mark.parametrize("copies_headers", [False, True])
def test_a_dead_letter_that_is_replayed_twice_is_one(diagnose: Diagnose, copies_headers: bool) -> None:
    made, said = flow(), {"messaging.message.id": "order-7"}
    sent = made.shop.send("orders", 5.0, 50, said=said)
    work = made.billing.process(sent, 5.1, took=0.1)
    made.billing.send("orders.dead", 5.12, 0, parent=work, said=said)
    for turn in range(2):
        replay = made.world.service("replay").send("orders", 6.0 + turn, 51 + turn, said=said)
        if copies_headers:
            replay.span.json |= {"kind": 3, "links": [{"traceId": sent.span.trace, "spanId": sent.span.id}]}
        made.billing.process(replay, 6.1 + turn)
    finding = only(diagnose(made.world, "EDA201").findings, "EDA201")
    assert (finding.verdict, finding.offsets) == (LIKELY, (51, 51))


def published(*ids: tuple[str, ...]) -> Telemetry:
    """Return what replicas of a scheduler published to a queue, each replica messages of these ids."""
    world = Telemetry()
    for number, own in enumerate(ids):
        replica = world.service("scheduler", system="rabbitmq")
        for turn, name in enumerate(own):
            replica.send("reminders", turn + number / 10, said={"messaging.message.id": name})
    return world


def test_two_replicas_that_publish_the_same_ids(diagnose: Diagnose) -> None:
    finding = only(diagnose(published(("a", "b", "c"), ("a", "b", "c")), "EDA201").findings, "EDA201")
    assert (finding.verdict, finding.service, finding.destination, finding.count) == (
        LIKELY,
        "scheduler",
        "reminders",
        3,
    )


@pytest.mark.parametrize("ids", [(("a", "b", "c", "a"), ("a", "b", "c")), (("a", "b"), ("a", "b")), (("a", "a"),)])
def test_an_id_that_may_be_that_of_an_order(diagnose: Diagnose, ids: tuple[tuple[str, ...], ...]) -> None:
    assert {finding.verdict for finding in diagnose(published(*ids), "EDA201").findings} == {SUSPECT}


@pytest.mark.parametrize("offsets", [True, False])
def test_an_id_that_several_services_give_is_not_sure(diagnose: Diagnose, offsets: bool) -> None:
    made = flow()
    stock = made.world.service("stock")
    for turn in range(3):  # an order is created by one, and shipped by the other
        for place, sender in enumerate((made.shop, stock)):
            offset = 50 + 2 * turn + place if offsets else None
            sender.send("events", 5.0 + turn + place / 2, offset, said={"messaging.message.id": f"order-{turn}"})
    finding = only(diagnose(made.world, "EDA201").findings, "EDA201")
    assert (finding.verdict, finding.count) == (SUSPECT, 3)


def test_one_id_of_many_that_two_services_give(diagnose: Diagnose) -> None:
    made = flow()
    for turn, sender in enumerate((made.shop, made.shop, made.shop, made.world.service("job"))):
        sender.send("events", 5.0 + turn, 50 + turn, said={"messaging.message.id": f"event-{turn % 3}"})
    assert only(diagnose(made.world, "EDA201").findings, "EDA201").verdict is LIKELY


def test_another_try_by_the_handler_is_no_duplicate(diagnose: Diagnose) -> None:
    world, said = Telemetry(), {"messaging.message.id": "a"}
    shop, mail = world.service("shop", system="rabbitmq"), world.service("mail", system="rabbitmq")
    attempt = mail.process(shop.send("mails", 0.0, said=said), 0.1, said=said)
    shop.send("mails", 0.2, said=said, parent=attempt)
    assert diagnose(world, "EDA201").findings == ()


def test_processes_that_count_their_events_from_one_on(diagnose: Diagnose) -> None:
    made = flow()
    senders = (made.shop, made.world.service("shop"), made.world.service("web"))
    for turn in range(9):
        senders[turn % 3].send("orders", 5.0 + turn, 50 + turn, said={"messaging.message.id": str(turn // 3)})
    assert {finding.verdict for finding in diagnose(made.world, "EDA201").findings} == {SUSPECT}
    assert {
        finding.verdict for finding in diagnose(published(("1", "2", "3"), ("1", "2", "3")), "EDA201").findings
    } == {SUSPECT}


def test_a_process_that_sends_one_number_twice(diagnose: Diagnose) -> None:
    made = flow()
    for turn in range(2):
        made.shop.send("orders", 5.0 + turn, 50 + turn, said={"messaging.message.id": "7"})
    assert only(diagnose(made.world, "EDA201").findings, "EDA201").verdict is LIKELY


@pytest.mark.parametrize(("batch", "verdict"), [(None, LIKELY), (2, SUSPECT)])
def test_a_span_around_several_sends(diagnose: Diagnose, batch: int | None, verdict: Verdict) -> None:
    made = flow()
    sent = made.shop.send("orders", 5.0, said={"messaging.batch.message_count": batch})
    for offset in (50, 51):
        sent.partition, sent.offset = "0", offset
        made.billing.process(sent, 5.0 + offset / 100)
    assert only(diagnose(made.world, "EDA201").findings, "EDA201").verdict is verdict
