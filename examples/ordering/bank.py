"""The bank: publishes movements on a few accounts, with the account as the key."""

from __future__ import annotations

import argparse
import json
import random

from confluent_kafka import Producer

ACCOUNTS = ("ann", "bob", "cem", "dana", "eve")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--movements", default="movements", metavar="TOPIC")
    parser.add_argument("--count", type=int, default=20, help="movements of each account")
    options = parser.parse_args()

    amounts = random.Random(1)
    producer = Producer({"bootstrap.servers": options.broker})
    for number in range(1, options.count + 1):
        for account in ACCOUNTS:
            movement = {"number": number, "amount": amounts.randint(-100, 100)}
            producer.produce(options.movements, json.dumps(movement).encode(), account.encode())
    producer.flush()


if __name__ == "__main__":
    main()
