"""`otel-eda trace` shows one event, by whatever it is called, and not the others of the poll that it came in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_eda import cli
from otel_eda.diagnosis import lookup, trace
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store
from otel_eda.hashed import keyed_hash

from .telemetry import Message, Service, Span, Telemetry, flow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "c-17"


class World:
    """Ten messages in one poll, in whose trace each of them is processed and makes another; the third one has names."""

    def __init__(self) -> None:
        self.telemetry = Telemetry()
        self.shop, self.billing = self.telemetry.service("shop"), self.telemetry.service("billing", group="billing")
        self.sends = [self.shop.send("orders", turn / 10, turn, said=names(turn)) for turn in range(10)]
        self.poll = self.billing.receive(self.sends, 2.0)
        self.works = [self._process(turn, message) for turn, message in enumerate(self.sends)]
        self.bills = [
            self.billing.send("bills", 3.01 + turn, turn, parent=work).span for turn, work in enumerate(self.works)
        ]

    def _process(self, turn: int, message: Message) -> Span:
        work = self.billing.process(message, 3.0 + turn)
        work.json |= {"traceId": self.poll.trace, "parentSpanId": self.poll.id}
        return work


def names(turn: int) -> dict[str, str]:
    if turn != 3:
        return {"messaging.message.id": f"message-{turn}"}
    return {
        "messaging.message.id": "message-3",
        "messaging.message.conversation_id": "order 4711",
        "eda.message.key.hash": keyed_hash(KEY, "secret"),
    }


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def store(world: World, tmp_path: Path) -> Iterator[Store]:
    with Store() as made:
        made.read([Files(str(world.telemetry.write(tmp_path)))])
        yield made


def shown(store: Store, name: str) -> set[str]:
    return {span.span_id for span in trace.find(store, lookup.spans(store, name))}


@pytest.mark.parametrize(
    "name", ["orders/0/3", "orders/0@3", "orders [0] @3", "orders@3", "message-3", "order 4711", KEY, "hash", "span"]
)
def test_one_event_is_shown_by_any_of_its_names(
    name: str, world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EDA_HASH_KEY", "secret")
    meant = {"hash": keyed_hash(KEY, "secret"), "span": world.sends[3].span.id}.get(name, name)
    event = {world.sends[3].span.id, world.poll.id, world.works[3].id, world.bills[3].id}
    assert shown(store, meant) == event


def test_what_led_to_an_event_is_shown_and_not_what_else_that_led_to(world: World, store: Store) -> None:
    event = {world.sends[3].span.id, world.works[3].id, world.bills[3].id}
    assert shown(store, world.bills[3].id) == event


def test_a_poll_that_is_asked_for_is_shown_with_all_that_it_brought(world: World, store: Store) -> None:
    everything = {span.id for service in world.telemetry.services for span in service.spans}
    assert shown(store, world.poll.id) == everything


def test_a_trace_is_shown_with_what_led_to_it(world: World, store: Store) -> None:
    everything = {span.id for service in world.telemetry.services for span in service.spans}
    assert shown(store, world.poll.trace.upper()) == everything


def test_a_circle_has_an_end(tmp_path: Path) -> None:
    made = flow(3, 1)
    span = made.works[1].json
    span["parentSpanId"] = span["spanId"]
    with Store() as store:
        store.read([Files(str(made.world.write(tmp_path)))])
        assert made.works[1].id in shown(store, made.works[1].id)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("orders/0/99", "there is orders/0/0 to 9"),
        ("orders/7/3", "there is orders/0/0 to 9"),
        ("order/0/3", "there is orders: orders/0/0 to 9"),
        ("orders", "there is orders/0/0 to 9"),
        ("Orders", "there is orders: orders/0/0 to 9"),
        ("message-", "there is message-0, message-1"),
        ("nothing like it", "nothing of this event is here\n"),
        (f"orders/0/{10**30}", "nothing of this event is here\n"),
    ],
)
def test_near_misses_are_suggested(
    name: str, said: str, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["trace", name, str(world.telemetry.write(tmp_path))]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_a_message_that_two_services_do_not_join_is_shown_whole(tmp_path: Path) -> None:
    world = Telemetry()
    shop, billing = world.service("shop"), world.service("billing", group="billing")
    message = shop.send("orders", 0.0, 7)
    work = _without_context(billing, message)
    with Store() as store:
        store.read([Files(str(world.write(tmp_path)))])
        assert shown(store, "orders/0/7") == {message.span.id, work.id}


def _without_context(billing: Service, message: Message) -> Span:
    work = billing.process(message, 1.0)
    work.json["traceId"] = "f" * 32
    del work.json["links"], work.json["parentSpanId"]
    return work
