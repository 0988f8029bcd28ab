"""A saga from Kafka to RabbitMQ and back: a cashier only logs what it cannot pay, and the saga waits for ever.

The twin logs the same, but answers that it has declined. What shows it: the process span of such a command has the
event `eda.process.error_logged`, was acknowledged, and sent nothing, while the others of its kind send a reply.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, publish, value
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika", "aio-pika")
GROUP, COUNT = "refund-desk", 20
CLOSED = {2, 7, 8, 15}  # whose accounts have been closed
PATIENT: dict[str, Any] = {"session.timeout.ms": 20_000}
log = logging.getLogger("cashier")


def play(books: Books, library: str, faulty: bool) -> None:
    returns, commands, replies = books.topic(1), books.queue(), books.queue()
    sagas = str(books.file.with_suffix(".sagas"))
    cashier = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.serving("cashier", cashier, commands, replies, faulty):
        books.run("returns", parcels, returns)
        books.run("refund-desk", begin, returns, commands, sagas)
        books.wait("seen", COUNT)
        books.run("refund-desk", end, replies, sagas)
    assert books.count("stuck") == (len(CLOSED) if faulty else 0)
    books.close_topic(returns, GROUP)
    books.close_queue(commands)
    books.close_queue(replies)


def parcels(topic: str) -> None:
    publish("confluent-kafka", topic, [{"id": f"return-{n}", "account": n} for n in range(COUNT)])


class Sagas:
    """The refunds and how far they are."""

    def __init__(self, file: str) -> None:
        self.db = sqlite3.connect(file, isolation_level=None, timeout=30)
        self.db.execute("CREATE TABLE IF NOT EXISTS saga (id TEXT PRIMARY KEY, state TEXT)")

    def put(self, name: str, state: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO saga VALUES (?, ?)", (name, state))

    def stuck(self) -> list[str]:
        return [name for (name,) in self.db.execute("SELECT id FROM saga WHERE state = 'waiting'")]


def _connection() -> Any:
    from pika import BlockingConnection, ConnectionParameters

    return BlockingConnection(ConnectionParameters(*rabbitmq()))


def begin(topic: str, commands: str, file: str) -> None:
    from pika import BasicProperties

    sagas, consumer, begun = Sagas(file), confluent(topic, GROUP, **PATIENT), 0
    with closing(_connection()) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        while begun < COUNT:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            parcel = value(message)
            note("began", parcel["id"], message, group=GROUP)
            saga = parcel["id"].replace("return", "refund")
            sagas.put(saga, "waiting")
            note("sent", saga, to=commands)
            command = json.dumps({"id": saga, "account": parcel["account"]}).encode()
            channel.basic_publish("", commands, command, BasicProperties(delivery_mode=2, correlation_id=saga))
            note("done", parcel["id"], message, group=GROUP)
            consumer.commit(message, asynchronous=False)
            begun += 1
    consumer.close()


def end(replies: str, file: str) -> None:
    sagas, empty = Sagas(file), 0
    with closing(_connection()) as connection:
        channel = connection.channel()
        while empty < 20:
            method, properties, body = channel.basic_get(replies)
            if method is None:
                empty += 1
                time.sleep(0.1)
                continue
            empty, reply = 0, json.loads(body)
            note("began", reply["id"], properties)
            sagas.put(reply["saga"], reply["state"])
            note("done", reply["id"], properties)
            channel.basic_ack(method.delivery_tag)
    for name in sagas.stuck():
        note("stuck", name)
        log.warning("%s has had no reply", name)


class Cashier:
    """Pays refunds, unless the account is closed."""

    def __init__(self, faulty: bool) -> None:
        self.faulty = faulty

    def handle(self, command: dict[str, Any], message: Any) -> dict[str, Any] | None:
        name = command["id"]
        note("began", name, message)
        try:
            self.pay(command["account"])
        except ValueError:
            log.exception("cannot pay %s", name)
            if self.faulty:
                note("failed", name, message)
                note("logged", name, message)
                return None
            note("done", name, message)
            return {"id": f"re-{name}", "saga": name, "state": "declined"}
        note("done", name, message)
        return {"id": f"re-{name}", "saga": name, "state": "paid"}

    @staticmethod
    def pay(account: int) -> None:
        time.sleep(0.01)
        if account in CLOSED:
            raise ValueError(f"account {account} is closed")


def by_pika(commands: str, replies: str, faulty: bool) -> None:
    from pika import BasicProperties

    stop, cashier = Stop(), Cashier(faulty)
    with closing(_connection()) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=4)
        for method, properties, body in channel.consume(commands, inactivity_timeout=0.3):
            if stop.asked:
                break
            if method is None:
                continue
            command = json.loads(body)
            reply = cashier.handle(command, properties)
            if reply is not None:
                note("sent", reply["id"], to=replies)
                about = BasicProperties(correlation_id=reply["saga"])
                channel.basic_publish("", replies, json.dumps(reply).encode(), about)
            channel.basic_ack(method.delivery_tag)
            note("seen", command["id"])
        channel.cancel()


def by_aio_pika(commands: str, replies: str, faulty: bool) -> None:
    cashier = Cashier(faulty)

    async def main() -> None:
        import aio_pika

        stop = Stop()
        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=4)
            source = await channel.get_queue(commands)

            async def work() -> None:
                async with source.iterator() as messages:
                    async for message in messages:
                        command = json.loads(message.body)
                        reply = cashier.handle(command, message)
                        if reply is not None:
                            note("sent", reply["id"], to=replies)
                            answer = aio_pika.Message(json.dumps(reply).encode(), correlation_id=reply["saga"])
                            await channel.default_exchange.publish(answer, replies)
                        await message.ack()
                        note("seen", command["id"])

            worker = asyncio.create_task(work())
            while not stop.asked:
                await asyncio.sleep(0.1)
            worker.cancel()

    asyncio.run(main())
