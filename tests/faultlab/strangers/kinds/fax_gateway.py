"""A fax gateway takes its jobs by automatic acknowledgement, and cannot dial abroad; its twin dials those once more.

Shown by: `eda.message.auto_ack` on the process span of each such job, with the error where the callback raises it
(aio-pika), or with a log record (`ERROR`) where the team's own decorator catches and logs it (pika): EDA104.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, ABROAD = 30, {3, 9, 10, 17, 21, 28}
log = logging.getLogger("fax")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("fax-gateway", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, 1 if faulty else 3):
        books.wait("up", 1)
        books.run("clinic", clinic, library, queue)
        books.wait("done", COUNT - len(ABROAD) if faulty else COUNT)
        if faulty:
            books.wait("failed", len(ABROAD))
    books.close_queue(queue)


def clinic(library: str, queue: str) -> None:
    jobs = [{"id": f"fax-{n}", "to": f"{'0043' if n in ABROAD else '040'}5550{n}"} for n in range(COUNT)]
    publish(library, queue, jobs)


class LineBusyError(Exception):
    """The modem hears that the line is engaged."""


class Modem:
    """Dials; abroad it is heard at its third attempt only."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts

    def fax(self, job: dict[str, Any], message: Any) -> None:
        note("began", job["id"], message)
        for attempt in range(1, self.attempts + 1):
            if attempt == 3 or not job["to"].startswith("00"):
                note("done", job["id"], message)
                return
            log.info("busy: %s", job["to"])
        note("failed", job["id"], message)
        raise LineBusyError(job["to"])


def never_down(callback: Callable[..., None]) -> Callable[..., None]:
    """Keep the gateway up, whatever a job does."""

    @functools.wraps(callback)
    def guarded(channel: Any, method: Any, properties: Any, body: bytes) -> None:
        try:
            callback(channel, method, properties, body)
        except Exception:
            log.exception("job failed")
            note("logged", json.loads(body)["id"], properties)

    return guarded


def by_pika(queue: str, attempts: int) -> None:
    stop, modem, connection = Stop(), Modem(attempts), connect()
    channel = connection.channel()

    @never_down
    def on_job(_: Any, __: Any, properties: Any, body: bytes) -> None:
        modem.fax(json.loads(body), properties)

    channel.basic_consume(queue=queue, on_message_callback=on_job, auto_ack=True)
    note("up")
    while not stop.asked:
        connection.process_data_events(time_limit=0.3)
    connection.close()


def by_aio_pika(queue: str, attempts: int) -> None:
    modem = Modem(attempts)

    async def on_job(message: Any) -> None:
        await asyncio.sleep(0.01)
        modem.fax(json.loads(message.body), message)

    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        connection = await aio_pika.connect(url())
        async with connection:
            channel = await connection.channel()
            source = await channel.get_queue(queue)
            await source.consume(on_job, no_ack=True)
            note("up")
            await ended.wait()

    asyncio.run(main())
