"""A decorator repeats a renewal that was not stored, and with it the message it published; or only the storing.

The message has an id of its renewal (`message_id`). Shown by: two send spans with one `messaging.message.id`, both
confirmed, to the queue of the welcome desk, within one process span (EDA201).
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import signal
import sqlite3
import time
import uuid
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url, work

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, LOCKED = 24, {2, 7, 8, 19}
GYM = uuid.UUID("0f6a8a52-8f7e-4b53-a0a5-3f0f2f0d7c11")
log = logging.getLogger("renewals")


def play(books: Books, library: str, faulty: bool) -> None:
    due, renewed = books.queue(), books.queue()
    service = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    books.run("calendar", calendar, library, due)
    with books.serving("renewals", service, due, renewed, faulty):
        books.wait("through", COUNT)
        time.sleep(0.5)
    books.run("welcome-desk", welcome, library, renewed)
    books.close_queue(due)
    books.close_queue(renewed)
    if faulty:
        # One process may use the id of an order for several messages: no more than a SUSPECT is to be had of it.
        books.note("must", code="EDA201", least="SUSPECT", where={"within": renewed})


def calendar(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"member-{n}", "plan": "gold"} for n in range(COUNT)])


def welcome(library: str, queue: str) -> None:
    def greet(event: dict[str, Any], message: Any) -> str:
        note("began", event["id"], message)
        note("done", event["id"], message)
        return "ack"

    work(library, queue, greet, idle=5)


def again(function: Callable[..., None]) -> Callable[..., None]:
    """Try a function three times, as the house does with whatever may be locked."""

    @functools.wraps(function)
    def patiently(*args: Any) -> None:
        for wait in (0.02, 0.05):
            try:
                return function(*args)
            except sqlite3.OperationalError as error:
                log.info("again in %s s: %s", wait, error)
                time.sleep(wait)
        return function(*args)

    return patiently


def aagain(function: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    """Try a coroutine likewise."""

    @functools.wraps(function)
    async def patiently(*args: Any) -> None:
        for wait in (0.02, 0.05):
            try:
                return await function(*args)
            except sqlite3.OperationalError as error:
                log.info("again in %s s: %s", wait, error)
                await asyncio.sleep(wait)
        return await function(*args)

    return patiently


class Members:
    """The table of members, which a report locks now and then."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.until: dict[str, int] = {}

    def store(self, name: str) -> None:
        first = name not in self.asked
        self.asked.add(name)
        if first and int(name.partition("-")[2]) in LOCKED:
            raise sqlite3.OperationalError("database is locked")
        self.until[name] = 2027

    store_patiently = again(store)


def message_of(event: dict[str, Any]) -> tuple[str, bytes]:
    name = str(uuid.uuid5(GYM, event["id"]))
    return name, json.dumps({"id": name, "member": event["id"]}).encode()


def by_pika(due: str, renewed: str, faulty: bool) -> None:
    import pika

    stop, members, connection = Stop(), Members(), connect()
    channel, out = connection.channel(), connection.channel()
    out.confirm_delivery()
    channel.basic_qos(prefetch_count=4)

    def renew(event: dict[str, Any]) -> None:
        name, body = message_of(event)
        note("sent", name, to=renewed)
        out.basic_publish("", renewed, body, pika.BasicProperties(message_id=name, delivery_mode=2, type="renewed"))
        members.store(event["id"]) if faulty else members.store_patiently(event["id"])

    run = again(renew) if faulty else renew

    def on_due(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        event = json.loads(body)
        note("began", event["id"], properties)
        run(event)
        note("done", event["id"], properties)
        ch.basic_ack(method.delivery_tag)
        note("through")

    channel.basic_consume(due, on_due)
    while not stop.asked:
        connection.process_data_events(time_limit=0.3)
    connection.close()


def by_aio_pika(due: str, renewed: str, faulty: bool) -> None:
    members = Members()

    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=4)

            async def renew(event: dict[str, Any]) -> None:
                name, body = message_of(event)
                note("sent", name, to=renewed)
                message = aio_pika.Message(body, message_id=name, type="renewed")
                await channel.default_exchange.publish(message, renewed)
                members.store(event["id"]) if faulty else members.store_patiently(event["id"])

            run = aagain(renew) if faulty else renew

            async def on_due(message: Any) -> None:
                async with message.process(requeue=True):
                    event = json.loads(message.body)
                    note("began", event["id"], message)
                    await run(event)
                    note("done", event["id"], message)
                note("through")

            await (await channel.get_queue(due)).consume(on_due)
            await ended.wait()

    asyncio.run(main())
