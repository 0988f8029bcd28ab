"""A newsletter is published once for each region, and errors are put aside: one region's queue is full; or looked at.

The full queue refuses what does not fit. Shown by: the send spans to that queue, with the broker's refusal as their
error (`eda.nacked`, or the client's exception), within the process span of an issue (EDA106).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, ROOM = 12, 4
REGIONS = ("north", "south", "west")
log = logging.getLogger("newsletter")


def play(books: Books, library: str, faulty: bool) -> None:
    issues, overflow = books.queue(), books.queue()
    full = books.queue(max_length=ROOM, overflow="reject-publish")
    queues = {"north": books.queue(), "south": full, "west": books.queue()}
    books.run("editors", editors, library, issues)
    service = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.serving("newsletter", service, issues, queues, "" if faulty else overflow):
        books.wait("through", COUNT)
        time.sleep(0.5)
    for region, queue in queues.items():
        books.run(f"mail-{region}", mail, library, queue)
        books.close_queue(queue)
    if not faulty:
        books.run("mail-rest", mail, library, overflow)
        books.close_queue(overflow)
    books.close_queue(issues)
    where = {"service": "newsletter", "within": full}
    if faulty:
        books.note("must", code="EDA106", where=where)
    else:
        books.note("may", code="EDA106", most="CONFIRMED", where=where)  # it was refused, and is sent elsewhere


def editors(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"issue-{n}", "title": f"No. {n}"} for n in range(COUNT)])


def mail(library: str, queue: str) -> None:
    def send(event: dict[str, Any], message: Any) -> str:
        note("began", event["id"], message)
        note("done", event["id"], message)
        return "ack"

    work(library, queue, send, idle=4)


def copies(issue: dict[str, Any], queues: dict[str, str]) -> list[tuple[str, str, bytes]]:
    names = [(f"{issue['id']}-{region}", queue) for region, queue in queues.items()]
    return [(name, queue, json.dumps({"id": name}).encode()) for name, queue in names]


def by_pika(issues: str, queues: dict[str, str], otherwise: str) -> None:
    from pika.exceptions import NackError

    stop, connection = Stop(), connect()
    channel, out = connection.channel(), connection.channel()
    channel.basic_qos(prefetch_count=3)
    out.confirm_delivery()

    def on_issue(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        issue = json.loads(body)
        note("began", issue["id"], properties)
        for name, queue, copy in copies(issue, queues):
            # What is refused is in no queue that anybody empties: it is no loss of a queue.
            with contextlib.suppress(NackError):
                out.basic_publish("", queue, copy)
                note("sent", name, to=queue)
                continue
            note("nacked", name)
            if otherwise:
                out.basic_publish("", otherwise, copy)
                note("sent", name, to=otherwise)
        note("done", issue["id"], properties)
        ch.basic_ack(method.delivery_tag)
        note("through")

    channel.basic_consume(issues, on_issue)
    while not stop.asked:
        connection.process_data_events(time_limit=0.3)
    connection.close()


def by_aio_pika(issues: str, queues: dict[str, str], otherwise: str) -> None:
    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=3)

            async def send(name: str, queue: str, body: bytes) -> None:
                await channel.default_exchange.publish(aio_pika.Message(body), queue)
                note("sent", name, to=queue)

            async def on_issue(message: Any) -> None:
                async with message.process():
                    issue = json.loads(message.body)
                    note("began", issue["id"], message)
                    wanted = copies(issue, queues)
                    results = await asyncio.gather(*(send(*copy) for copy in wanted), return_exceptions=True)
                    for (name, _, body), result in zip(wanted, results, strict=True):
                        if isinstance(result, Exception):
                            note("nacked", name)
                            if otherwise:
                                await send(name, otherwise, body)
                    note("done", issue["id"], message)
                note("through")

            await (await channel.get_queue(issues)).consume(on_issue)
            await ended.wait()

    asyncio.run(main())
