"""A home-made framework logs what a handler raises, and one kind of event always does; or nobody wants another kind.

Shown by: each process span of such an event has the event `eda.process.error_logged`, and the log record has the same
trace; the ledger counts what was committed. No span has an `error.type`, since the framework lets nothing out.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import confluent, publish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faultlab.strangers.books import Books

    Handler = Callable[[dict[str, Any]], Awaitable[None]]

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP = "reservations"
MORE: dict[str, Any] = {"session.timeout.ms": 20_000}
KINDS = ("placed", "paid", "packed", "shipped", "cancelled")
FIRST, IDLE = 40.0, 8.0  # seconds
log = logging.getLogger("bus")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("orders", orders, library, topic)
    books.run("reservations", reservations, library, topic, faulty)
    books.close_topic(topic, GROUP)


def orders(library: str, topic: str) -> None:
    # The last release has renamed "reason" to "cause".
    events = [{"id": f"e-{n}", "kind": KINDS[n % 5], "order": n // 5, "cause": "none"} for n in range(60)]
    publish(library, topic, events)


class Bus:
    """Calls the handler that is registered for a kind of event."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    def on(self, kind: str) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.handlers[kind] = handler
            return handler

        return register

    async def dispatch(self, event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message, group=GROUP)
        handler = self.handlers.get(event["kind"])
        if handler is None:
            note("filtered", event["id"], message, group=GROUP)
            return
        try:
            await handler(event)
        except Exception as error:
            log.exception("%s failed at %s: %r", handler.__name__, event["id"], error)
            note("failed", event["id"], message, group=GROUP)
            note("logged", event["id"])
        else:
            note("done", event["id"], message, group=GROUP)


def handlers(faulty: bool) -> Bus:
    bus, reserved = Bus(), {}

    @bus.on("placed")
    async def reserve(event: dict[str, Any]) -> None:
        reserved[event["order"]] = "reserved"
        await asyncio.sleep(0.005)

    @bus.on("paid")
    async def fix(event: dict[str, Any]) -> None:
        reserved[event["order"]] = "fixed"

    @bus.on("shipped")
    async def close(event: dict[str, Any]) -> None:
        reserved.pop(event["order"], None)

    @bus.on("cancelled")
    async def release(event: dict[str, Any]) -> None:
        reason = event["reason"] if faulty else event.get("reason", event["cause"])
        reserved[event["order"]] = f"released: {reason}"

    return bus


def reservations(library: str, topic: str, faulty: bool) -> None:
    asyncio.run((by_aiokafka if library == "aiokafka" else by_confluent)(topic, handlers(faulty)))


async def by_aiokafka(topic: str, bus: Bus) -> None:
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka(),
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=True,
        auto_commit_interval_ms=1000,
        value_deserializer=json.loads,
    )
    await consumer.start()
    patience = FIRST
    try:
        while True:
            message = await asyncio.wait_for(consumer.getone(), patience)
            patience = IDLE
            await bus.dispatch(message.value, message)
    except asyncio.TimeoutError:
        pass
    finally:
        await consumer.stop()


async def by_confluent(topic: str, bus: Bus) -> None:
    loop, patience = asyncio.get_running_loop(), FIRST
    consumer = confluent(topic, GROUP, auto=True, **MORE)
    while (message := await loop.run_in_executor(None, consumer.poll, patience)) is not None:
        if message.error() is None:
            patience = IDLE
            await bus.dispatch(json.loads(message.value()), message)
    consumer.close()
