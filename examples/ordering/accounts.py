"""The accounts: books movements with several threads; without `--scatter` in the order of each account."""

from __future__ import annotations

import argparse
import json
import time
import zlib
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress

from confluent_kafka import Consumer, Message

import otel_eda

WORKERS = 4


class Accounts:
    """Books movements and reports those that come out of order."""

    def __init__(self, scatter: bool) -> None:
        self.scatter = scatter
        self.workers = [ThreadPoolExecutor(1) for _ in range(WORKERS)]  # each does one thing after the other
        self.count = 0
        self.booked: dict[str, int] = {}

    def submit(self, message: Message) -> Future[None]:
        """Give a movement to the worker of its account, who gets all movements of that account in order."""
        self.count += 1
        number = self.count if self.scatter else zlib.crc32(message.key() or b"")
        return self.workers[number % WORKERS].submit(self.book, message)

    def book(self, message: Message) -> None:
        """Book a movement, in a worker's thread."""
        with otel_eda.process(message):
            account, movement = (message.key() or b"").decode(), json.loads(message.value() or b"")
            if movement["number"] <= self.booked.get(account, 0):
                print(f"{account}: movement {movement['number']} is late", flush=True)
            self.booked[account] = max(movement["number"], self.booked.get(account, 0))
            time.sleep(0.02 if movement["amount"] < -50 else 0.001)  # large withdrawals are looked at


def run(consumer: Consumer, accounts: Accounts) -> None:
    """Book until interrupted; what is committed is booked."""
    count = 0
    while True:
        messages = [message for message in consumer.consume(500, 0.5) if not message.error()]
        wait([accounts.submit(message) for message in messages])
        if messages:
            consumer.commit(asynchronous=False)
            count += len(messages)
            print(f"{count} movements booked", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--movements", default="movements", metavar="TOPIC")
    parser.add_argument("--scatter", action="store_true", help="break the order: give each movement to the next worker")
    options = parser.parse_args()

    consumer = Consumer(
        {
            "bootstrap.servers": options.broker,
            "group.id": "accounts",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([options.movements])
    with suppress(KeyboardInterrupt):
        run(consumer, Accounts(options.scatter))
    consumer.close()


if __name__ == "__main__":
    main()
