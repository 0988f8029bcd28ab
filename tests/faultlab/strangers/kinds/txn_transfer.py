"""A booker reads and writes in transactions: after an abort it reads on, or it goes back to where it has committed."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import confluent, publish, value, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
BOOKER, LEDGER = "booker", "ledger"
log = logging.getLogger("booker")


def play(books: Books, library: str, faulty: bool) -> None:
    transfers, postings = books.topic(1), books.topic(1)
    books.run("bank", bank, library, transfers)
    books.run("booker", booker, transfers, postings, faulty)
    books.run("ledger", ledger, library, postings)
    books.close_topic(transfers, BOOKER)
    books.close_topic(postings, LEDGER)


def bank(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"t-{n}", "cents": 100 + n, "currency": "EUR"} for n in range(40)])


class Rates:
    """Asks another department for a rate, whose server is restarted once."""

    def __init__(self) -> None:
        self.asked = 0

    def get(self, currency: str) -> float:
        self.asked += 1
        if self.asked == 18:
            raise ConnectionResetError("rates.internal")
        return {"EUR": 1.0}[currency]


def booker(transfers: str, postings: str, faulty: bool) -> None:
    from confluent_kafka import Producer

    rates, empty = Rates(), 0
    consumer = confluent(transfers, BOOKER)
    producer = Producer({"bootstrap.servers": kafka(), "transactional.id": f"booker-{transfers}"})
    producer.init_transactions(30)
    while empty < 5:
        batch = [message for message in consumer.consume(5, timeout=1.0) if not message.error()]
        empty = 0 if batch else empty + 1
        if not batch:
            continue
        producer.begin_transaction()
        try:
            for message in batch:
                post(producer, postings, rates, message)
            offsets = consumer.position(consumer.assignment())
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
            producer.commit_transaction(30)
        except ConnectionError:
            log.warning("transaction aborted, it will be tried again")
            producer.abort_transaction(30)
            if not faulty:
                go_back(consumer)
            continue
        for message in batch:
            note("done", value(message)["id"], message, group=BOOKER)
    consumer.close()


def post(producer: Any, topic: str, rates: Rates, message: Any) -> None:
    transfer = value(message)
    note("began", transfer["id"], message, group=BOOKER)
    cents = transfer["cents"] * rates.get(transfer["currency"])
    producer.produce(topic, json.dumps({"id": f"p-{transfer['id']}", "cents": cents}), key=transfer["id"])


def go_back(consumer: Any) -> None:
    from confluent_kafka import OFFSET_BEGINNING

    for one in consumer.committed(consumer.assignment(), 10):
        one.offset = one.offset if one.offset >= 0 else OFFSET_BEGINNING
        consumer.seek(one)


def ledger(library: str, topic: str) -> None:
    def keep(posting: dict[str, Any], message: Any) -> None:
        note("began", posting["id"], message, group=LEDGER)
        note("done", posting["id"], message, group=LEDGER)

    work(library, topic, LEDGER, keep)
