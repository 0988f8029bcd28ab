"""Queues that hand each message to one reader, whatever they are called: what is lost there, and what comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from diagnosis.honest.world import settle
from diagnosis.telemetry import Service, Telemetry

from .helpers import LIKELY, SUSPECT, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from otel_eda.diagnosis.finding import Verdict


def _queue(system: str) -> tuple[Telemetry, Service, list[Service]]:
    world = Telemetry()
    shop, *workers = (world.service(name, system=system) for name in ("shop", "worker", "worker"))
    for service in (shop, *workers):
        service.other("still here", 60.0, 0.01)
    return world, shop, workers


@pytest.mark.parametrize("system", ["aws_sqs", "AmazonSQS", "servicebus", "rabbitmq", "celery"])
def test_what_came_to_nobody_though_later_ones_did(diagnose: Diagnose, system: str) -> None:
    world, shop, (first, second) = _queue(system)
    for turn in range(40):
        message = shop.send("jobs", turn * 0.1)
        if not 20 <= turn < 25:  # deleted by a worker that died with them
            (first if turn < 20 else second).process(message, turn * 0.1 + 0.01)
    finding = only(diagnose(world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.count) == (SUSPECT, 5)
    assert "no consumer had it" in finding.cause


@pytest.mark.parametrize("subscription", ["worker", None])
@pytest.mark.parametrize("system", ["nats", "pulsar", "gcp_pubsub", "redis"])
def test_what_a_service_had_nearly_all_of(diagnose: Diagnose, system: str, subscription: str | None) -> None:
    world, shop, (first, second) = _queue(system)
    for turn in range(80):
        message = shop.send("jobs", turn * 0.1)
        if 10 <= turn < 40 or 45 <= turn < 75:  # before and after that, it was not subscribed
            worker = first if turn < 40 else second
            worker.process(message, turn * 0.1 + 0.01, said={"messaging.destination.subscription.name": subscription})
    finding = only(diagnose(world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.service, finding.count) == (SUSPECT, "worker", 5)


@pytest.mark.parametrize("system", ["nats", "pulsar"])
def test_what_a_reader_filters_is_not_lost(diagnose: Diagnose, system: str) -> None:
    world, shop, workers = _queue(system)
    for turn in range(80):
        message = shop.send("jobs", turn * 0.1)
        if turn % 5:
            workers[turn % 2].process(message, turn * 0.1 + 0.01)
    assert diagnose(world, "EDA104").findings == ()


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("system", ["aws_sqs", "servicebus", "celery"])
def test_what_came_again_when_its_lock_had_expired(diagnose: Diagnose, system: str, linked: bool) -> None:
    world, shop, (first, second) = _queue(system)
    for turn in range(40):
        message = shop.send("jobs", turn * 0.1)
        works = [first.process(message, turn * 0.1 + 0.01)]
        if turn < 4:
            works.append(second.process(message, 20.0 + turn))
        for work in works if not linked else ():
            del work.json["links"]
    finding = only(diagnose(world, "EDA202").findings, "EDA202")
    assert (finding.verdict, finding.count) == (SUSPECT, 4)


@pytest.mark.parametrize("system", ["kafka", "nats", "zeromq"])
def test_readers_without_a_group_have_copies_of_their_own(diagnose: Diagnose, system: str) -> None:
    world, shop, workers = _queue(system)
    for turn in range(40):
        message = shop.send("prices", turn * 0.1)
        for place, worker in enumerate(workers):
            worker.process(message, turn * 0.1 + 0.01 + place)
    assert diagnose(world, "EDA104", "EDA202", "EDA203").findings == ()


@pytest.mark.parametrize("system", ["nats", "pulsar", "gcp_pubsub"])
def test_what_came_again_where_nearly_all_came_once(diagnose: Diagnose, system: str) -> None:
    world, shop, workers = _queue(system)
    for turn in range(40):
        message = shop.send("jobs", turn * 0.1)
        workers[turn % 2].process(message, turn * 0.1 + 0.01)
        if turn < 4:
            workers[turn // 2].process(message, 20.0 + turn)
    finding = only(diagnose(world, "EDA202").findings, "EDA202")
    assert (finding.verdict, finding.count) == (SUSPECT, 4)
    assert "had no acknowledgement" in finding.cause


@pytest.mark.parametrize("system", ["aws_sqs", "servicebus", "rabbitmq"])
def test_what_two_processes_did_at_the_same_time(diagnose: Diagnose, system: str) -> None:
    world, shop, (first, second) = _queue(system)
    for turn in range(40):
        message = shop.send("jobs", turn * 0.1)
        first.process(message, turn * 0.1 + 0.01, 30.0 if turn < 2 else 0.01)
        if turn < 2:
            second.process(message, turn * 0.1 + 20.0)
    finding = only(diagnose(world, "EDA202").findings, "EDA202")
    assert (finding.verdict, finding.count) == (SUSPECT, 2)


@pytest.mark.parametrize(("said", "verdict"), [(True, LIKELY), (None, SUSPECT)])
def test_what_the_broker_delivered_again_while_it_was_at_work(
    diagnose: Diagnose, said: bool | None, verdict: Verdict
) -> None:
    """As RabbitMQ does after its own time limit: both processes did it."""
    world, shop, (first, second) = _queue("rabbitmq")
    for turn in range(40):
        message = shop.send("jobs", turn * 0.1)
        first.process(message, turn * 0.1 + 0.01, 0.01 if turn else 30.0)
        if not turn:
            second.process(message, 20.0, said={"eda.message.redelivered": said})
    assert only(diagnose(world, "EDA202").findings, "EDA202").verdict is verdict


@pytest.mark.parametrize("system", ["rabbitmq", "aws_sqs", "nats"])
def test_one_send_of_several_messages_is_none_that_came_again(diagnose: Diagnose, system: str) -> None:
    world, shop, workers = _queue(system)
    for turn in range(20):
        batch = shop.send("jobs", turn * 1.0, said={"messaging.batch.message_count": 5})
        for number in range(5):
            workers[number % 2].process(batch, turn + 0.1 + number * 0.1)
    assert diagnose(world, "EDA202", "EDA402", "EDA403").findings == ()


@pytest.mark.parametrize("system", ["aws_sqs", "nats", "pulsar"])
def test_what_failed_and_came_to_nobody_any_more(diagnose: Diagnose, system: str) -> None:
    world, shop, (worker, other) = _queue(system)
    for turn in range(40):
        message = shop.send("jobs", turn * 0.1)
        worker.process(message, turn * 0.1 + 0.01, error="ValueError" if turn in (20, 21) else None)
        if turn == 20:  # it came again, and was done
            other.process(message, 5.0)
    finding = only(diagnose(world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.count) == (SUSPECT, 1)
    assert "nobody had the message after that" in finding.cause


def test_a_message_with_a_creation_of_its_own_that_nobody_had(diagnose: Diagnose) -> None:
    world, shop, (first, second) = _queue("servicebus")
    for turn in range(40):
        made = shop.send("jobs", turn * 0.1, said={"messaging.operation.type": "create"})
        sent = shop.send("jobs", turn * 0.1 + 0.001)
        sent.span.json.update(kind=3, links=[made.link])
        if not 20 <= turn < 22:
            (first if turn < 20 else second).process(made, turn * 0.1 + 0.01)
    finding = only(diagnose(world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.count) == (SUSPECT, 2)


def _fan(system: str) -> list[dict[str, Any]]:
    """Return what the spans of two queues, or of two subscriptions, say of themselves."""
    if system == "pulsar":
        return [{"messaging.destination.subscription.name": name} for name in ("bills", "search")]
    return [{"messaging.destination.name": f"events:{name}"} for name in ("bills", "search")]


@pytest.mark.parametrize("system", ["rabbitmq", "aws_sqs", "pulsar"])
@pytest.mark.parametrize("failed", [True, False])
def test_what_one_of_two_queues_lost(diagnose: Diagnose, system: str, failed: bool) -> None:
    world, shop, (bills, search) = _queue(system)
    for turn in range(60):
        message = shop.send("events", turn * 0.1)
        first, second = _fan(system)
        bad = turn in {30, 31}
        if failed or not bad:
            bills.process(message, turn * 0.1 + 0.01, error="ValueError" if bad else None, said=first)
        search.process(message, turn * 0.1 + 0.03, said=second)
    found = [(one.verdict, one.count) for one in diagnose(world, "EDA104").findings]
    assert found == [(SUSPECT, 2)]


def test_what_one_of_two_queues_of_an_exchange_refused(diagnose: Diagnose) -> None:
    world, shop, (bills, search) = _queue("rabbitmq")
    for turn in range(60):
        message, bad = shop.send("events", turn * 0.1), turn in {30, 31}
        first, second = _fan("rabbitmq")
        work = bills.process(message, turn * 0.1 + 0.01, error="ValueError" if bad else None, said=first)
        verb, said = ("reject", {"eda.settle.requeue": False}) if bad else ("ack", {})
        settle(bills, work, first["messaging.destination.name"], turn * 0.1 + 0.012, verb, **said)
        settle(
            search, search.process(message, turn * 0.1 + 0.03, said=second), "events:search", turn * 0.1 + 0.032, "ack"
        )
    finding = only(diagnose(world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.count, finding.destination) == (LIKELY, 2, "events:bills")
