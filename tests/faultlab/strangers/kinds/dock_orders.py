"""A house framework tries a handler three times in place, then publishes to a dead-letter queue at which nobody looks.

What shows it: within the process span of such an order there is a send span to `….dlq`, and an ERROR in the log
(EDA405). In the twin the second try succeeds, since a large crane has come.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, publish, url

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("pika", "aio-pika")
COUNT, HEAVY, TRIES = 32, {7, 15, 26}, 3
log = logging.getLogger("dock")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("dock", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, faulty) as dock:
        books.wait("ready", 1)
        books.run("sales", sales, library, queue)
        books.wait("settled", COUNT)
        books.stop(dock)
    books.close_queue(queue)
    assert books.stage.lab.rabbitmq.depth(f"{queue}.dlq") == (len(HEAVY) if faulty else 0)
    books.note("archive", to=f"{queue}.dlq")


def sales(library: str, queue: str) -> None:
    orders = [{"id": f"order-{n}", "kilos": 40_000 if n in HEAVY else 100 + n} for n in range(COUNT)]
    publish(library, queue, orders)


class Handlers:
    """The framework: handlers by queue, each tried so often."""

    def __init__(self) -> None:
        self.by_queue: dict[str, Callable[[dict[str, Any]], None]] = {}

    def on(self, queue: str) -> Callable[[Callable[[dict[str, Any]], None]], Callable[[dict[str, Any]], None]]:
        def register(handler: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
            self.by_queue[queue] = handler
            return handler

        return register

    def done(self, queue: str, body: bytes, message: Any) -> bool:
        """Handle a message, and tell whether that succeeded in the end."""
        event = json.loads(body)
        note("began", event["id"], message)
        for attempt in range(1, TRIES + 1):
            try:
                self.by_queue[queue](event)
                note("done", event["id"], message)
                return True
            except Exception:
                log.warning("attempt %d of %d at %s", attempt, TRIES, event["id"], exc_info=True)
                time.sleep(0.02)
        log.error("%s goes to the dead letters", event["id"])
        note("failed", event["id"], message)
        note("aside", event["id"], message)
        return False


def handlers(queue: str, faulty: bool) -> Handlers:
    """Give what the dock does with an order."""
    made, cranes = Handlers(), {"small": 20_000}

    @made.on(queue)
    def load(order: dict[str, Any]) -> None:
        time.sleep(0.005)
        if order["kilos"] > max(cranes.values()):
            if not faulty:
                cranes["large"] = 60_000  # it is on its way
            raise ValueError(f"no crane lifts {order['kilos']} kg")

    return made


def by_pika(queue: str, faulty: bool) -> None:
    import pika

    stop, dock, dead = Stop(), handlers(queue, faulty), f"{queue}.dlq"
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(dead, durable=True)
    channel.basic_qos(prefetch_count=4)
    note("ready")
    for method, properties, body in channel.consume(queue, inactivity_timeout=0.3):
        if method is not None:
            if not dock.done(queue, body, properties):
                channel.basic_publish("", dead, body, pika.BasicProperties(headers={"x-service": "dock"}))
            channel.basic_ack(method.delivery_tag)
            note("settled")
        if stop.asked:
            break
    channel.cancel()
    connection.close()


def by_aio_pika(queue: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika

        loop = asyncio.get_running_loop()
        dock, dead = handlers(queue, faulty), f"{queue}.dlq"
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=4)
            await channel.declare_queue(dead, durable=True)
            source = await channel.get_queue(queue)

            async def work() -> None:
                async with source.iterator() as messages:
                    async for message in messages:
                        async with message.process():
                            if not dock.done(queue, message.body, message):
                                letter = aio_pika.Message(message.body, headers={"x-service": "dock"})
                                await channel.default_exchange.publish(letter, routing_key=dead)
                        note("settled")

            task = asyncio.create_task(work())
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
            note("ready")
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
