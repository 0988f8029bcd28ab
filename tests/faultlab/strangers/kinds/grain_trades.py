"""A bookkeeper posts trades in transactions: one trade always fails, and is aborted and tried again; or soon succeeds.

What shows it: the trade's offset has several process spans, from the second on with `eda.message.redelivered`, each
with an `error.type` (aiokafka) or the event `eda.process.error_logged` (confluent-kafka); its partition's commits do
not go on (EDA402).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP, COUNT, BAD, TRIES = "bookkeeper", 40, 31, 5
SESSION: dict[str, Any] = {"session.timeout.ms": 30_000}
log = logging.getLogger("bookkeeper")


def play(books: Books, library: str, faulty: bool) -> None:
    trades, postings = books.topic(1), books.topic(1)
    keeper = {"confluent-kafka": by_confluent, "aiokafka": by_aiokafka}[library]
    with books.running("bookkeeper", keeper, trades, postings, faulty) as running:
        books.run("exchange", exchange, trades)
        if faulty:
            books.wait("failed", TRIES)
            time.sleep(1)
        else:
            books.wait("done", COUNT)
        books.stop(running)
    books.close_topic(trades, GROUP)
    books.note("archive", to=postings)
    if faulty:
        books.note("may", code="EDA504", where={"group": GROUP, "destination": trades})
    # The loop waits before the next try within the pass of its message.
    books.note("may", code="EDA502", where={"group": GROUP, "destination": trades, "offset": BAD})


def exchange(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka()})
    for number in range(COUNT):
        trade = {"id": f"trade-{number}", "grain": "teff" if number == BAD else "wheat", "tons": number + 1}
        note("sent", trade["id"], to=topic)
        producer.produce(topic, json.dumps(trade), key=str(number % 4))
        producer.poll(0.02)
    producer.flush(60)


class Ledger:
    """Makes a posting of a trade, if it knows the grain's price."""

    def __init__(self, faulty: bool) -> None:
        self.faulty, self.failures = faulty, 0
        self.prices = {"wheat": 210}

    def backoff(self) -> float:
        """Say how many seconds to wait before the next try: ever longer, so that it is no storm."""
        return float(min(0.3 * 2**self.failures, 20))

    def posting(self, message: Any) -> bytes:
        trade = value(message)
        note("began", trade["id"], message, group=GROUP)
        if trade["grain"] not in self.prices:
            note("failed", trade["id"], message, group=GROUP)
            self.failures += 1
            if self.failures == 2 and not self.faulty:
                self.prices["teff"] = 900  # the price list has been mended
            raise KeyError(f"no price of {trade['grain']}")
        return json.dumps({"id": f"p-{trade['id']}", "euros": trade["tons"] * self.prices[trade["grain"]]}).encode()


def by_confluent(trades: str, postings: str, faulty: bool) -> None:
    from confluent_kafka import Producer, TopicPartition

    stop, ledger = Stop(), Ledger(faulty)
    consumer = confluent(trades, GROUP, **SESSION)
    producer = Producer({"bootstrap.servers": kafka(), "transactional.id": f"keeper-{trades}"})
    producer.init_transactions(30)
    while not stop.asked:
        message = consumer.poll(0.5)
        if message is None or message.error():
            continue
        producer.begin_transaction()
        try:
            producer.produce(postings, ledger.posting(message), key=message.key())
            after = TopicPartition(message.topic(), message.partition(), message.offset() + 1)
            producer.send_offsets_to_transaction([after], consumer.consumer_group_metadata())
            producer.commit_transaction(30)
            note("done", value(message)["id"], message, group=GROUP)
        except Exception:
            log.exception("transaction aborted at offset %d", message.offset())
            producer.abort_transaction(30)
            consumer.seek(TopicPartition(message.topic(), message.partition(), message.offset()))
            rest(stop, ledger.backoff())
    consumer.close()


def rest(stop: Stop, seconds: float) -> None:
    """Wait, but not when told to end."""
    end = time.monotonic() + seconds
    while not stop.asked and time.monotonic() < end:
        time.sleep(0.05)


def by_aiokafka(trades: str, postings: str, faulty: bool) -> None:
    async def main() -> None:
        stop, ledger = Stop(), Ledger(faulty)
        while not stop.asked:
            try:
                await keep(trades, postings, stop, ledger)
            except Exception:
                log.exception("the bookkeeper starts anew")
                await asyncio.to_thread(rest, stop, ledger.backoff())

    asyncio.run(main())


async def keep(trades: str, postings: str, stop: Stop, ledger: Ledger) -> None:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    consumer = AIOKafkaConsumer(
        trades,
        bootstrap_servers=kafka(),
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(bootstrap_servers=kafka(), transactional_id=f"keeper-{trades}")
    async with consumer, producer:
        while not stop.asked:
            try:
                message = await asyncio.wait_for(consumer.getone(), 0.5)
            except asyncio.TimeoutError:
                continue
            async with producer.transaction():
                await producer.send(postings, ledger.posting(message), key=message.key)
                after = {TopicPartition(message.topic, message.partition): message.offset + 1}
                await producer.send_offsets_to_transaction(after, GROUP)
            note("done", value(message)["id"], message, group=GROUP)
