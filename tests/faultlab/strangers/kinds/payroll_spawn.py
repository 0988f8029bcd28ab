"""Payroll workers, spawned, commit every twenty payslips; one is killed between, so that some are paid twice; or known.

What shows it: each payslip since the last commit has a process span without an error in the process that was killed,
and another one in its successor; no commit of the first process has passed it (EDA202). The twin's workers look into a
register of what has been paid.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP, COUNT, EVERY, HUGE = "payroll", 60, 20, 33


def play(books: Books, library: str, faulty: bool) -> None:
    topic, register = books.topic(1), str(books.file.with_suffix(".db"))
    with books.running("payroll", master, library, topic, register, faulty) as running:
        books.run("hr", hr, topic)
        books.wait("done", COUNT + (HUGE - EVERY if faulty else 0))
        if not faulty:
            books.wait("filtered", HUGE - EVERY)
        time.sleep(1)
        books.stop(running)
    books.note("killed", who="payroll")
    books.close_topic(topic, GROUP)


def hr(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 5})
    for number in range(COUNT):
        slip: dict[str, Any] = {"id": f"slip-{number}", "pages": 5000 if number == HUGE else 2}
        note("sent", slip["id"], to=topic)
        producer.produce(topic, json.dumps(slip), key=slip["id"])
        producer.poll(0.005)
    producer.flush(60)


class Payroll:
    """Pays, and keeps a register if it is careful; a huge payslip takes the memory of a small worker."""

    def __init__(self, register: str, careful: bool, small: bool) -> None:
        self.register, self.careful, self.small = register, careful, small

    def pay(self, message: Any) -> None:
        slip = value(message)
        note("began", slip["id"], message, group=GROUP)
        if slip["pages"] > 1000 and self.small:
            time.sleep(4)  # it swaps
            os.kill(os.getpid(), signal.SIGKILL)
        if self.careful and not self.new(slip["id"]):
            note("filtered", slip["id"], message, group=GROUP)
            return
        time.sleep(0.01)
        note("done", slip["id"], message, group=GROUP)

    def new(self, name: str) -> bool:
        """Enter a payslip into the register, and tell whether it was not there."""
        with closing(sqlite3.connect(self.register)) as database, database:
            database.execute("create table if not exists paid (id text primary key)")
            return database.execute("insert or ignore into paid values (?)", (name,)).rowcount == 1


def master(library: str, topic: str, register: str, faulty: bool) -> None:
    """Keep one worker, with more memory the second time."""
    stop, made = Stop(), 0
    context = multiprocessing.get_context("spawn")
    worker: Any = None
    while not stop.asked:
        if worker is None or not worker.is_alive():
            worker = context.Process(target=work, args=(library, topic, register, faulty, made == 0))
            worker.start()
            made += 1
        time.sleep(0.2)
    worker.terminate()
    worker.join(60)


def work(library: str, topic: str, register: str, faulty: bool, small: bool) -> None:
    payroll = Payroll(register, careful=not faulty, small=small)
    by_kafka_python(topic, payroll) if library == "kafka-python" else by_aiokafka(topic, payroll)


def by_kafka_python(topic: str, payroll: Payroll) -> None:
    from kafka import KafkaConsumer

    stop, count = Stop(), 0
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka(),
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6000,
        heartbeat_interval_ms=500,
        consumer_timeout_ms=300,
    )
    while not stop.asked:
        for message in consumer:
            payroll.pay(message)
            count += 1
            if count % EVERY == 0:
                consumer.commit()
    consumer.commit()
    consumer.close()


def by_aiokafka(topic: str, payroll: Payroll) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer

        stop, count = Stop(), 0
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=kafka(),
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6000,
            heartbeat_interval_ms=500,
        )
        async with consumer:
            while not stop.asked:
                try:
                    message = await asyncio.wait_for(consumer.getone(), 0.3)
                except asyncio.TimeoutError:
                    continue
                await asyncio.to_thread(payroll.pay, message)
                count += 1
                if count % EVERY == 0:
                    await consumer.commit()
            await consumer.commit()

    asyncio.run(main())
