"""Two replicas of a web service wait for replies in one consumer group, so that half of them reach the wrong one.

In the twin each replica has a group of its own, and passes over what others have asked for. What shows it: the replica
that does not know a reply logs an error within the reply's process span (`eda.process.error_logged`), and commits.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
EACH, ANSWER_WITHIN = 14, 20.0
log = logging.getLogger("fares")
GROUP: dict[str, Any] = {"session_timeout_ms": 20_000, "auto_offset_reset": "earliest", "enable_auto_commit": False}


def play(books: Books, library: str, faulty: bool) -> None:
    requests, replies = books.topic(1), books.topic(2)
    groups = ["fares-web"] if faulty else ["fares-web-0", "fares-web-1"]
    web, pricing = (by_threads, prices) if library == "kafka-python" else (by_tasks, aprices)
    with ExitStack() as stack:
        clerk = stack.enter_context(books.running("pricing", pricing, requests, replies))
        webs = [
            stack.enter_context(books.running("fares-web", web, requests, replies, groups[at % len(groups)], go(books)))
            for at in range(2)
        ]
        books.wait("ready", 2)
        open(go(books), "w", encoding="utf-8").close()
        books.wait("through", 2)
        for one in (*webs, clerk):
            books.stop(one)
    books.close_topic(requests, "pricing")
    books.close_topic(replies, *groups)
    if faulty:
        assert books.count("logged"), "every reply came to the one that had asked"


def go(books: Books) -> str:
    return str(books.file.with_suffix(".go"))


def opened(file: str) -> bool:
    try:
        open(file, encoding="utf-8").close()
    except FileNotFoundError:
        return False
    return True


class Desk:
    """The requests of one replica that nobody has answered yet."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.open: dict[str, dict[str, Any]] = {}

    def ask(self, number: int) -> dict[str, Any]:
        name = f"fare-{uuid.uuid4().hex[:8]}-{number}"
        self.open[name] = {"id": name, "from": "HAM", "to": "MUC"}
        return self.open[name]

    def give_up(self) -> None:
        for name in self.open:
            log.warning("no quote for %s", name)
        note("through")

    def on_reply(self, record: Any) -> None:
        reply = json.loads(record.value)
        note("began", reply["id"], record, group=self.group)
        if self.open.pop(reply["of"], None) is not None:
            note("done", reply["id"], record, group=self.group)
        elif self.group == "fares-web":
            log.error("nobody here asked for %s", reply["of"])
            note("logged", reply["id"], record, group=self.group)
        else:
            note("filtered", reply["id"], record, group=self.group)


def quote(request: dict[str, Any]) -> dict[str, Any]:
    return {"id": request["id"].replace("fare", "quote"), "of": request["id"], "cents": 8900}


def listen(stop: Stop, consumer: Any, desk: Desk) -> None:
    while not stop.asked:
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                desk.on_reply(record)
            consumer.commit()
    consumer.close()


def by_threads(requests: str, replies: str, group: str, start: str) -> None:
    from kafka import KafkaConsumer, KafkaProducer

    stop, desk = Stop(), Desk(group)
    consumer = KafkaConsumer(replies, bootstrap_servers=kafka(), group_id=group, **GROUP)

    listener = threading.Thread(target=listen, args=(stop, consumer, desk), name="replies")
    listener.start()
    while not consumer.assignment():
        time.sleep(0.1)
    time.sleep(4)  # the other replica has its part by then
    note("ready")
    while not opened(start):
        time.sleep(0.1)
    producer = KafkaProducer(bootstrap_servers=kafka())
    for number in range(EACH):
        asked = desk.ask(number)
        note("sent", asked["id"], to=requests)
        producer.send(requests, json.dumps(asked).encode(), asked["id"].encode()).get(30)
    late = time.monotonic() + ANSWER_WITHIN
    while desk.open and time.monotonic() < late:
        time.sleep(0.1)
    desk.give_up()
    listener.join()
    producer.close()


def prices(requests: str, replies: str) -> None:
    from kafka import KafkaConsumer, KafkaProducer

    stop, producer = Stop(), KafkaProducer(bootstrap_servers=kafka())
    consumer = KafkaConsumer(requests, bootstrap_servers=kafka(), group_id="pricing", **GROUP)
    while not stop.asked:
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                request = json.loads(record.value)
                note("began", request["id"], record, group="pricing")
                answer = quote(request)
                note("sent", answer["id"], to=replies)
                producer.send(replies, json.dumps(answer).encode(), answer["id"].encode()).get(30)
                note("done", request["id"], record, group="pricing")
            consumer.commit()
    consumer.close()
    producer.close()


async def until(so: Callable[[], object]) -> None:
    while not so():
        await asyncio.sleep(0.1)


async def alisten(consumer: Any, desk: Desk) -> None:
    async for record in consumer:
        desk.on_reply(record)
        await consumer.commit()


def by_tasks(requests: str, replies: str, group: str, start: str) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

        stop, desk = Stop(), Desk(group)
        consumer = AIOKafkaConsumer(replies, bootstrap_servers=kafka(), group_id=group, **GROUP)
        producer = AIOKafkaProducer(bootstrap_servers=kafka())
        await consumer.start()
        await producer.start()

        listener = asyncio.create_task(alisten(consumer, desk))
        await until(consumer.assignment)
        await asyncio.sleep(4)
        note("ready")
        await until(lambda: opened(start))
        for number in range(EACH):
            asked = desk.ask(number)
            note("sent", asked["id"], to=requests)
            await producer.send_and_wait(requests, json.dumps(asked).encode(), asked["id"].encode())
        late = time.monotonic() + ANSWER_WITHIN
        await until(lambda: not desk.open or time.monotonic() > late)
        desk.give_up()
        await until(lambda: stop.asked)
        listener.cancel()
        await consumer.stop()
        await producer.stop()

    asyncio.run(main())


def aprices(requests: str, replies: str) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

        stop = Stop()
        async with (
            AIOKafkaConsumer(requests, bootstrap_servers=kafka(), group_id="pricing", **GROUP) as consumer,
            AIOKafkaProducer(bootstrap_servers=kafka()) as producer,
        ):
            while not stop.asked:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        request = json.loads(record.value)
                        note("began", request["id"], record, group="pricing")
                        answer = quote(request)
                        note("sent", answer["id"], to=replies)
                        await producer.send_and_wait(replies, json.dumps(answer).encode(), answer["id"].encode())
                        note("done", request["id"], record, group="pricing")
                    await consumer.commit()

    asyncio.run(main())
