"""A worker rejects an alert that it cannot look up, and its queue has no dead-letter exchange; or one that retries.

Some fridges are not in the register yet when they send their first alert. The worker declares its queue, once without
and in the twin with a dead-letter exchange, behind which a queue holds each alert for half a second and gives it back.

Shown by: the process span of such an alert has an error or a `reject` with `eda.settle.requeue` false and
`eda.settle.dead_letter` false, and no later process span has a link to its send (EDA104).
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note, where
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, NEW = 40, {7, 8, 21, 33}
log = logging.getLogger("alerts")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = f"alerts-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there
    with books.serving("fridge-alerts", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, faulty):
        books.wait("up", 1)
        books.run("fridges", fridges, library, queue)
        books.wait("done", COUNT - len(NEW) if faulty else COUNT)
        books.wait("failed", len(NEW))
        time.sleep(1)
    books.close_queue(queue)


def fridges(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"alert-{n}", "fridge": f"f{n}", "celsius": 9} for n in range(COUNT)])


def arguments(queue: str, faulty: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the arguments of the queue, and of the one in which alerts wait for their next try."""
    if faulty:
        return {}, {}
    back = {"x-message-ttl": 500, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}
    return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{queue}.wait"}, back


class Register:
    """Who has which fridge; it is filled a moment late."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def call(self, alert: dict[str, Any], message: Any) -> None:
        note("began", alert["id"], message)
        first = alert["fridge"] not in self.asked
        self.asked.add(alert["fridge"])
        if first and int(alert["fridge"][1:]) in NEW:
            note("failed", alert["id"], message)
            raise LookupError(f"nobody has {alert['fridge']}")
        if not first:
            trace = where(message)["created"].partition("-")[0]
            note("may", code="EDA405", most="CONFIRMED", where={"trace_id": trace})  # the broker says that it died once
        time.sleep(0.01)
        note("done", alert["id"], message)


def by_pika(queue: str, faulty: bool) -> None:
    stop, register, connection = Stop(), Register(), connect()
    channel = connection.channel()
    mine, waiting = arguments(queue, faulty)
    if waiting:
        channel.queue_declare(f"{queue}.wait", durable=True, arguments=waiting)
    channel.queue_declare(queue, durable=True, arguments=mine)
    channel.basic_qos(prefetch_count=10)

    def on_alert(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        try:
            register.call(json.loads(body), properties)
        except LookupError as error:
            log.warning("rejected: %s", error)
            ch.basic_reject(method.delivery_tag, requeue=False)
        else:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_alert)
    note("up")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(queue: str, faulty: bool) -> None:
    register = Register()

    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=10)
            mine, waiting = arguments(queue, faulty)
            if waiting:
                await channel.declare_queue(f"{queue}.wait", durable=True, arguments=waiting)
            source = await channel.declare_queue(queue, durable=True, arguments=mine)

            async def on_alert(message: Any) -> None:
                async with message.process(ignore_processed=True):
                    register.call(json.loads(message.body), message)

            await source.consume(on_alert)
            note("up")
            await ended.wait()

    asyncio.run(main())
