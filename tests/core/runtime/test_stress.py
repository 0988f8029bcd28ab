"""Everything at once: producers, consumers, handlers, clients that come and go, metrics, and switching on and off."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from support.recorder import recording
from support.threads import collecting, together
from support.times import times

import otel_eda
from core.tinyqueue import Channel, Consumer, Producer, Queue, Record
from otel_eda.core.clients.instances import live_clients
from otel_eda.core.patching.patch import originals
from otel_eda.core.process.processing import open_processings
from otel_eda.core.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from otel_eda.core import Library

pytestmark = pytest.mark.usefixtures("many_turns")
TURNS = times(60)
EACH = 3  # messages a turn
SHARED = b""  # one object, as empty messages are


class Bus:
    """A registry of handlers."""

    def __init__(self) -> None:
        self.handlers: dict[str, list[Callable[[str], None]]] = {}

    def register(self, event_type: str, handler: Callable[[str], None]) -> None:
        self.handlers.setdefault(event_type, []).append(handler)

    def handle(self, event_type: str) -> None:
        for handler in self.handlers.get(event_type, []):
            handler(event_type)


def send_and_loop() -> None:
    queue = Queue()
    producer = Producer(queue)
    for _ in range(EACH):
        producer.send("orders", SHARED)
    consumer = Consumer(queue, "orders")
    assert len([record.offset for record in consumer]) == EACH
    consumer.commit()
    consumer.close()
    producer.close()


def loop_and_drop() -> None:
    queue = Queue()
    queue.fill("orders", *[SHARED] * EACH)
    consumer = Consumer(queue, "orders")
    for record in consumer:
        assert record.value is SHARED
        break
    del record  # nobody can take it over any more when the consumer goes


class Repeating(Consumer):
    """Gives the same object each time, to every thread, as a library does with small messages."""

    record = Record("orders", 0, SHARED, [])

    def _any(self) -> Record:
        return self.record


def pull_by_hand() -> None:
    consumer = Repeating(Queue(), "orders", group=None)
    for _ in range(EACH):
        with otel_eda.process(next(consumer)):
            pass
    consumer.close()


def poll_batches() -> None:
    queue = Queue()
    queue.fill("orders", *[SHARED] * EACH)
    consumer = Consumer(queue, "orders")
    for records in consumer.poll().values():
        for _ in records:
            pass
    consumer.close()


def call_back_and_settle() -> None:
    queue = Queue()
    queue.fill("orders", *[SHARED] * EACH)
    channel = Channel(queue)
    channel.subscribe("orders", lambda channel, delivery, _: channel.ack(delivery.tag))
    channel.run()
    channel.close()


def handle_events(bus: Bus) -> None:
    bus.register("paid", lambda _: None)
    bus.handle("paid")
    bus.handle("paid")


WORK = (send_and_loop, loop_and_drop, pull_by_hand, poll_batches, call_back_and_settle)


def work(number: int) -> None:
    bus = Bus()
    for turn in range(TURNS):
        WORK[(number + turn) % len(WORK)]()
        handle_events(bus)


@pytest.fixture
def registry() -> Any:
    otel_eda.registry(Bus)
    return Bus


def test_every_message_has_its_spans_and_is_counted(library: Library, registry: Any, recorder: Recorder) -> None:
    threads = len(WORK)  # so that each turn has each kind of work
    with collecting(recorder):
        together(work, threads)
    gc.collect()
    recorder.sends(EACH * TURNS)
    assert recorder.count("messaging.client.sent.messages") == EACH * TURNS
    recorder.processes(4 * EACH * TURNS + TURNS)
    assert recorder.count("messaging.client.consumed.messages") == 4 * EACH * TURNS + TURNS
    recorder.settles(TURNS + EACH * TURNS)
    assert (open_processings.all(), open_processings.by_message) == ([], {})
    assert not guard.failures


def test_switching_while_others_work(library: Library, registry: Any) -> None:
    originals = [vars(Consumer)["__iter__"], vars(Producer)["send"], vars(Bus)["handle"]]

    def switch_or_work(number: int) -> None:
        if number:
            work(number)
        else:
            for _ in range(20):
                otel_eda.disable()
                otel_eda.enable(made.tracer_provider, made.meter_provider, only=[library.name, "registries"])

    with recording(only=[library.name, "registries"]) as made, collecting(made):
        assert [vars(Consumer)["__iter__"], vars(Producer)["send"], vars(Bus)["handle"]] != originals
        together(switch_or_work)
    gc.collect()
    assert [vars(Consumer)["__iter__"], vars(Producer)["send"], vars(Bus)["handle"]] == originals
    assert not made.open()
    assert open_processings.all() == []
    assert not [client for client in live_clients() if client.pending_sends]
    assert not guard.failures


def test_several_switch_on_and_off_at_once(library: Library, registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine so many threads may take longer; without the lock, they would lose each other's patches.
    monkeypatch.setattr("otel_eda.core.runtime.locks._PATIENCE_S", 60.0)
    otel_eda.disable()  # a registry that was named in code is on
    untouched = dict(vars(Consumer)), dict(vars(Bus))

    def switch(_: int) -> None:
        for _ in range(5):
            otel_eda.enable(only=[library.name, "registries"])
            send_and_loop()
            otel_eda.disable()

    together(switch)
    assert (dict(vars(Consumer)), dict(vars(Bus))) == untouched
    assert not originals
    assert not guard.failures
