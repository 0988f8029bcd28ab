"""The outbox: whoever is killed, whenever, each event is published, in its own trace; a second time is seen."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from brokers.postgresql import database
from support.programs import run, running
from support.scene import EXAMPLES, announced, promised, scene

if TYPE_CHECKING:
    from pathlib import Path

    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from support.programs import Outcome, Program
    from support.scene import Scene

OUTBOX = EXAMPLES / "outbox"
MILLISECOND = 1_000_000


class Shop:
    """The programs of the example, at one database and one topic."""

    def __init__(self, scene: Scene, database: str) -> None:
        self.scene = scene
        self.database = ("--database", database)
        self.broker = ("--broker", scene.kafka.address)
        self.orders = ("--orders", scene.topic("orders"))

    def take_orders(self, *items: str) -> None:
        """Have orders stored, and kill the shop as soon as its spans have left it."""
        with running(self.scene.way("shop"), OUTBOX / "shop.py", *self.database, *self.orders) as program:
            assert program.process.stdin is not None
            for number, item in enumerate(items, start=1):
                program.process.stdin.write(f"{item}\n")
                program.process.stdin.flush()
                program.wait_for(f"order {number}: stored")
            self.scene.spans("shop", len(items))
            program.signal(signal.SIGKILL)
            assert program.finish().status == -signal.SIGKILL

    def crash(self, moment: str) -> Outcome:
        """Run a relay that ends by SIGKILL, before it has exported anything."""
        way = self.scene.way("relay", OTEL_BSP_SCHEDULE_DELAY="60000")
        return run(way, OUTBOX / "relay.py", *self.broker, *self.database, "--crash", moment)

    def relay(self, last: str) -> None:
        """Run a relay until it has published that event."""
        with running(self.scene.way("relay"), OUTBOX / "relay.py", *self.broker, *self.database) as program:
            program.wait_for(last)
            interrupt(program)

    def ship(self, last: str) -> list[str]:
        """Have shipping read until it has written that line; gives all of them."""
        with running(self.scene.way("shipping"), OUTBOX / "shipping.py", *self.broker, *self.orders) as program:
            program.wait_for(last)
            return interrupt(program).output.splitlines()


def interrupt(program: Program) -> Outcome:
    program.signal(signal.SIGINT)
    outcome = program.finish()
    assert (outcome.status, outcome.errors) == (0, "")
    return outcome


@pytest.mark.timeout(240)
def test_in_sqlite(kafka: Kafka, jaeger: Jaeger, tmp_path: Path) -> None:
    play(f"sqlite:///{tmp_path / 'shop.db'}", kafka, jaeger, tmp_path)


@pytest.mark.timeout(240)
def test_in_postgresql(postgresql: str, kafka: Kafka, jaeger: Jaeger, tmp_path: Path) -> None:
    play(database(postgresql), kafka, jaeger, tmp_path)


def play(url: str, kafka: Kafka, jaeger: Jaeger, tmp_path: Path) -> None:
    with scene(kafka, jaeger, tmp_path / "telemetry") as stage:
        shop = Shop(stage, url)
        shop.take_orders("ale", "bread")
        assert shop.crash("before").status == -signal.SIGKILL
        assert shop.crash("after").status == -signal.SIGKILL
        shop.relay("event 2: published")
        assert shop.ship("order 2: shipped") == ["order 1: shipped", "order 1: came again", "order 2: shipped"]
        spans = stage.spans("shop", 9)
    once, twice = promised("outbox")
    assert stage.traces(spans) == [twice, once]
    assert stage.metric("messaging.process.duration", "relay", messaging_destination_name="outbox") == 2
    assert stage.metric("messaging.client.consumed.messages", "shipping") == 3
    assert stage.metric("eda.queue.duration", "shipping") == 3
    [found] = stage.diagnose()
    assert stage.said((found,)) == announced("outbox")
    assert "ended before it had noted" in found.cause
    assert found.trace_ids == (spans[0].trace_id,)
    created = {span.trace_id: span for span in spans if not span.parent_id}
    for span in (span for span in spans if "eda.message.timestamp" in span.attributes):
        stored = created[span.trace_id]
        assert stored.start // MILLISECOND <= span.attributes["eda.message.timestamp"] <= stored.end // MILLISECOND
