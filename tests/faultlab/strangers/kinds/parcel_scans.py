"""Scanners without telemetry send what their reader refuses into a dead-letter queue: nobody reads it, or a clerk does.

The reader declares its queue with the exchange for dead letters. A scan without a depot cannot be filed. The twin's
clerk reads the dead letters in the evening, and files them by hand.

Shown by: the process span of such a scan has `error.type`, and its refusal has `eda.settle.dead_letter` (EDA405). No
message has a context, so nobody can know by the spans whether it was the same that the clerk had: a SUSPECT at best.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, url, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika", "aio-pika")
COUNT, LOST = 40, {7, 16, 22, 33}
log = logging.getLogger("filing")


def play(books: Books, library: str, faulty: bool) -> None:
    books.queue()  # so that the broker is there; the reader declares its own
    queue = f"scans-{books.file.stem.replace('.', '-')}"
    dead, exchange = f"{queue}-unfiled", books.stage.lab.rabbitmq.exchange("fanout")
    program = {"pika": by_pika, "aio-pika": by_faststream}[library]
    with books.running("filing", program, queue, exchange, dead) as filing:
        books.wait("ready", 1)
        books.run("scanners", scanners, queue)
        books.wait("done", COUNT - len(LOST))
        books.wait("failed", len(LOST))
        books.stop(filing)
    assert books.stage.lab.rabbitmq.depth(queue) == 0
    assert books.stage.lab.rabbitmq.depth(dead) == len(LOST)
    if faulty:
        books.note("must", code="EDA405", least="SUSPECT", where={"service": "filing"})
    else:
        books.run("clerk", clerk, library, dead)
        assert books.count("filed") == len(LOST)
        # They were dead letters, and the broker says so to the clerk.
        books.note("may", code="EDA405", most="CONFIRMED", where={"service": "clerk"})
        books.note("may", code="EDA405", most="CONFIRMED", where={"within": dead})


def scanners(queue: str) -> None:
    from kombu.connection import Connection

    host, port = rabbitmq()
    connect_by_kombu: Any = Connection
    with connect_by_kombu(f"amqp://guest:guest@{host}:{port}//") as connection:
        producer = connection.Producer()
        for number in range(COUNT):
            scan = {"id": f"scan-{number}", "depot": None if number in LOST else f"depot-{number % 4}"}
            note("handed", scan["id"])
            producer.publish(scan, exchange="", routing_key=queue, serializer="json", delivery_mode=2)


class Filing:
    """Files scans by their depot."""

    def __init__(self) -> None:
        self.depots: dict[str, int] = {}

    def file(self, scan: dict[str, Any]) -> None:
        note("began", scan["id"])
        try:
            depot = scan["depot"].upper()
        except AttributeError:
            note("failed", scan["id"])
            raise
        self.depots[depot] = self.depots.get(depot, 0) + 1
        note("done", scan["id"])


def by_pika(queue: str, exchange: str, dead: str) -> None:
    stop, filing, connection = Stop(), Filing(), connect()
    channel = connection.channel()
    channel.queue_declare(dead, durable=True)
    channel.queue_bind(dead, exchange)
    channel.queue_declare(queue, durable=True, arguments={"x-dead-letter-exchange": exchange})
    channel.basic_qos(prefetch_count=4)

    def on_scan(ch: Any, method: Any, _: Any, body: bytes) -> None:
        try:
            filing.file(json.loads(body))
        except AttributeError as error:
            log.warning("cannot file it: %r", error)
            ch.basic_nack(method.delivery_tag, requeue=False)
        else:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_scan)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_faststream(queue: str, exchange: str, dead: str) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue

    broker, filing = RabbitBroker(url()), Filing()

    async def on_scan(scan: dict[str, Any]) -> None:
        filing.file(scan)

    on_scan.__annotations__ = {"scan": dict, "return": None}
    source = RabbitQueue(queue, durable=True, arguments={"x-dead-letter-exchange": exchange})
    broker.subscriber(source, ack_policy=AckPolicy.REJECT_ON_ERROR)(on_scan)

    async def bind() -> None:
        fanout = await broker.declare_exchange(RabbitExchange(exchange, type=ExchangeType.FANOUT, declare=False))
        letters = await broker.declare_queue(RabbitQueue(dead, durable=True))
        await letters.bind(fanout)

    async def ready() -> None:
        note("ready")

    asyncio.run(FastStream(broker, after_startup=[bind, ready]).run())


def clerk(library: str, dead: str) -> None:
    def by_hand(scan: dict[str, Any], _: Any) -> str:
        note("filed", scan["id"])
        return "ack"

    work(library, dead, by_hand, idle=5)
