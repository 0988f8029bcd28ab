"""What EDA104 (lost in the consumer) makes of handlers that failed unseen, and of processes that vanished."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnosis.telemetry import Telemetry, flow, pairs

from .helpers import CONFIRMED, LIKELY, SUSPECT, counted_by_ledger, only, opened, stood

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from diagnosis.telemetry import Flow, Service, Span
    from otel_eda.diagnosis.finding import Verdict


def handled(made: Flow, at: float, error: str | None = None, dispatch: bool = True, name: str = "book") -> Span:
    """Have a handler of an event run for one message; a registry has no span for the dispatch."""
    said = {"eda.event.type": "order.placed"}
    parent = (
        made.billing.other("emit order.placed", at, 0.001, made.works[12], said=said) if dispatch else made.works[12]
    )
    said |= {"code.function.name": name, **({"error.type": error} if error else {})}
    return made.billing.other("process order.placed", at, 0.02, parent, said=said)


@pytest.mark.parametrize("dispatch", [True, False])
def test_a_handler_that_failed_after_the_message_was_done(diagnose: Diagnose, dispatch: bool) -> None:
    made = flow()
    handled(made, 1.211, "LookupError", dispatch)
    handled(made, 1.24, None, dispatch, "count")
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets, finding.error) == (SUSPECT, (6, 6), "LookupError")
    assert "a handler of an event" in finding.cause


def test_a_handler_that_was_called_again_or_whose_message_was_set_aside(diagnose: Diagnose) -> None:
    again, aside = flow(), flow()
    handled(again, 1.211, "LookupError")
    handled(again, 1.24)
    failed = handled(aside, 1.211, "LookupError")
    aside.billing.send("orders.dlq", 1.24, 0, parent=failed)
    for made in (again, aside):
        assert diagnose(made.world, "EDA104").findings == ()


@pytest.mark.parametrize(("at", "found"), [(1.25, 0), (1.2, 1)])
def test_what_the_attempt_sends_after_the_failure_is_its_answer(diagnose: Diagnose, at: float, found: int) -> None:
    made = flow()
    handled(made, 1.211, "DeclinedError")
    made.billing.send("results", at, 0, parent=made.works[12])
    assert len(diagnose(made.world, "EDA104").findings) == found


def worker(number: int = 10, worked: int = 9) -> tuple[Telemetry, Service]:
    """Give a worker that acknowledges messages first, and works on so many of them."""
    world = Telemetry(1)
    shop, first = (world.service(name, system="rabbitmq") for name in ("shop", "billing"))
    for turn in range(number):
        message = shop.send("orders", turn * 0.1)
        made = first._span(
            "settle", "orders", turn * 0.1 + 0.01, 0.001, {"messaging.operation.name": "ack"}, message.span
        )
        made.json["links"] = [{"traceId": message.span.trace, "spanId": message.span.id}]
        if turn < worked:
            first.process(message, turn * 0.1 + 0.02)
    shop.other("still here", 60.0, 0.01)
    return world, first


def test_what_was_acknowledged_first_by_a_process_that_vanished(diagnose: Diagnose) -> None:
    world, _ = worker()
    world.service("billing", system="rabbitmq").other("still here", 60.0, 0.01)
    finding = only(diagnose(world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.count) == (SUSPECT, 1)
    assert "stopped before it was done" in finding.cause


@pytest.mark.parametrize(("worked", "lives"), [(9, True), (4, False)])
def test_who_lives_on_may_have_filtered_it_and_whose_work_is_unseen_may_have_done_it(
    diagnose: Diagnose, worked: int, lives: bool
) -> None:
    world, first = worker(worked=worked)
    service = first if lives else world.service("billing", system="rabbitmq")
    service.other("still here", 60.0, 0.01)
    assert diagnose(world, "EDA104").findings == ()


@pytest.mark.parametrize(
    ("keys", "took", "verdict", "open_"),
    [(True, 0.003, LIKELY, {"G6"}), (False, 0.003, SUSPECT, {"G6", "G8"}), (True, 58.0, SUSPECT, {"G6", "G8"})],
)
def test_what_a_process_had_in_hand_for_long_when_it_vanished(
    diagnose: Diagnose, keys: bool, took: float, verdict: Verdict, open_: set[str]
) -> None:
    made = flow(40, 1, skip=set(range(19, 40)))
    made.billing.spans = [span for span in made.billing.spans if span.json["name"] != "still here"]
    counted_by_ledger(made, "eda.consumer.in_flight", 1, "gauge")
    heir = made.world.service("billing", group="billing")
    for turn in range(20, 40):
        heir.process(made.messages[turn], turn * 0.1 + 0.5, took if turn == 39 else 0.003)
    heir.other("still here", 300.0, 0.01)
    for number, message in enumerate(made.messages if keys else []):
        message.span.json["attributes"] += pairs({"eda.message.key.hash": f"key-{number}"})
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets, opened(finding)) == (verdict, (19, 19), open_)


@pytest.mark.parametrize(("in_hand", "first", "likely"), [(8, 20, True), (7, 20, False), (8, 16, True)])
def test_what_waited_in_a_process_when_it_vanished(diagnose: Diagnose, in_hand: int, first: int, likely: bool) -> None:
    """It said where it was, and that it had as many in hand as nobody saw an end of up to there."""
    made = flow(40, 1, skip=set(range(12, 40)))
    made.billing.spans = [span for span in made.billing.spans if span.json["name"] != "still here"]
    counted_by_ledger(made, "eda.consumer.in_flight", in_hand, "gauge")
    stood(made, next=20)
    heir = made.world.service("billing", group="billing")
    for turn in range(first, 40):
        heir.process(made.messages[turn], turn * 0.1 + 0.5)
    heir.other("still here", 300.0, 0.01)
    findings = diagnose(made.world, "EDA104").findings
    places = [one.offsets or (0, -1) for one in findings if one.verdict is LIKELY]
    sure = {offset for first_, last in places for offset in range(first_, last + 1)}
    assert sure == (set(range(12, first)) if likely else {19})


@pytest.mark.parametrize("loops", [True, False])
def test_the_rest_of_a_batch_that_its_loop_left_though_it_was_most_of_all(diagnose: Diagnose, loops: bool) -> None:
    """Who copies batches works on them where nobody sees it: then the one that a loop began says nothing."""
    world = Telemetry(1)
    shop, first, heir = (world.service(name, group=name) for name in ("shop", "billing", "billing"))
    messages = [shop.send("orders", turn * 0.02, turn) for turn in range(36)]
    first.receive(messages[:30], 1.0)
    for turn in range(8):
        first.process(messages[turn], 1.1 + turn * 0.1, 0.1)
    first.commit("orders", 2.0, 30)
    for start, end in ((30, 32), (32, 36)):
        heir.receive(messages[start:end], start / 10)
        for turn in range(start, end) if loops else []:
            heir.process(messages[turn], turn / 10 + 0.01)
        heir.commit("orders", end / 10, end)
    for service in (shop, heir):
        service.other("still here", 60.0, 0.01)
    found = [(one.verdict, one.offsets) for one in diagnose(world, "EDA104").findings]
    assert found == ([(LIKELY, (8, 29))] if loops else [])


@pytest.mark.parametrize(
    ("at", "elsewhere", "verdict"),
    [
        (1.22, True, LIKELY),
        (8.0, True, LIKELY),
        (1.1, True, CONFIRMED),
        (30.0, True, CONFIRMED),
        (1.42, False, CONFIRMED),
    ],
)
def test_what_a_member_sends_where_it_catches_an_error_may_be_the_message(
    diagnose: Diagnose, at: float, elsewhere: bool, verdict: Verdict
) -> None:
    """The name of the destination need not say that it is for what failed."""
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.billing.send("unreadable", at, 0, parent=None if elsewhere else made.works[13])
    made.billing.commit("orders", 1.25, 7)
    assert only(diagnose(made.world, "EDA104").findings, "EDA104").verdict is verdict
