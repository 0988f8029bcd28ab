"""A consumer declares its exchange by a wrong name from its settings, and so a new one; its twin has an old one, too.

Both sides declare what they use, so nothing fails. Shown by: sends to an exchange and key of which nobody has a
process span (EDA107), while the consumer's service tells of itself; with aio-pika, which publishes with `mandatory` by
default, the send span has `eda.returned` as its `error.type` (EDA106).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, SETTING, KEY = 25, "FLEET_EXCHANGE", "vehicle.position"


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    exchange = f"fleet-{queue}"
    service = {"pika": map_by_pika, "aio-pika": map_by_aio_pika}[library]
    wanted = {SETTING: f"{exchange}-stage" if faulty else exchange}
    with books.running("live-map", service, queue, environ=wanted) as one:
        books.wait("bound", 1)
        books.run("trackers", {"pika": track_by_pika, "aio-pika": track_by_aio_pika}[library], exchange, queue)
        if faulty:
            time.sleep(3)
        else:
            books.wait("done", COUNT)
        books.stop(one)
    books.close_queue(queue)
    if faulty and library == "pika":
        books.note("unread", to=f"{exchange}:{KEY}")
        books.note("may", code="EDA106", where={"within": exchange})
    elif faulty:
        books.note("may", code="EDA107", where={"within": exchange})


@dataclass(frozen=True)
class Topology:
    """What a service has on the broker."""

    exchange: str
    queue: str
    keys: tuple[str, ...]
    old: str = "fleet-2019"


@dataclass
class Routes:
    """The handlers of a service by routing key."""

    handlers: ClassVar[dict[str, Callable[[dict[str, Any], Any], None]]] = {}
    seen: dict[str, float] = field(default_factory=dict)

    @classmethod
    def on(cls, key: str) -> Callable[..., Any]:
        def register(handler: Callable[[dict[str, Any], Any], None]) -> Callable[..., None]:
            cls.handlers[key] = handler
            return handler

        return register

    def call(self, key: str, body: bytes, message: Any) -> None:
        self.handlers[key](json.loads(body), message)


@Routes.on(KEY)
def on_position(event: dict[str, Any], message: Any) -> None:
    note("began", event["id"], message)
    note("done", event["id"], message)


def positions() -> list[dict[str, Any]]:
    return [{"id": f"pos-{n}", "vehicle": n % 4, "lat": 53.5, "lon": 10.0 + n / 100} for n in range(COUNT)]


def track_by_pika(exchange: str, queue: str) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.exchange_declare(exchange, "direct", durable=True)
    channel.confirm_delivery()
    for event in positions():
        note("sent", event["id"], to=exchange)
        channel.basic_publish(exchange, KEY, json.dumps(event).encode(), pika.BasicProperties(type="position"))
    connection.close()


def track_by_aio_pika(exchange: str, queue: str) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            target = await channel.declare_exchange(exchange, aio_pika.ExchangeType.DIRECT, durable=True)
            for event in positions():
                note("sent", event["id"], to=exchange)
                answer = await target.publish(aio_pika.Message(json.dumps(event).encode(), type="position"), KEY)
                if (
                    "Return" in type(getattr(answer, "delivery", answer)).__name__
                ):  # the team does not look; the diary does
                    note("returned", event["id"])

    asyncio.run(main())


def map_by_pika(queue: str) -> None:
    stop, routes, connection = Stop(), Routes(), connect()
    wanted = Topology(os.environ[SETTING], queue, tuple(Routes.handlers))
    channel = connection.channel()
    for exchange in (wanted.exchange, wanted.old):
        channel.exchange_declare(exchange, "direct", durable=True)
        for key in wanted.keys:
            channel.queue_bind(wanted.queue, exchange, key)

    def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        routes.call(method.routing_key, body, properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(wanted.queue, on_message)
    note("bound")
    while not stop.asked:
        connection.process_data_events(time_limit=0.3)
    connection.close()


def map_by_aio_pika(queue: str) -> None:
    async def main() -> None:
        import aio_pika

        routes, ended = Routes(), asyncio.Event()
        wanted = Topology(os.environ[SETTING], queue, tuple(Routes.handlers))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            source = await channel.get_queue(wanted.queue)
            for exchange in (wanted.exchange, wanted.old):
                declared = await channel.declare_exchange(exchange, aio_pika.ExchangeType.DIRECT, durable=True)
                for key in wanted.keys:
                    await source.bind(declared, key)

            async def on_message(message: Any) -> None:
                async with message.process():
                    routes.call(message.routing_key, message.body, message)

            await source.consume(on_message)
            note("bound")
            await ended.wait()

    asyncio.run(main())
