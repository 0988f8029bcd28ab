"""The shop, with kafka-python: publishes a few orders."""

from __future__ import annotations

import argparse
import json

from kafka import KafkaProducer

ORDERS = ["ale", "bread", "cheese"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", default="localhost:9092")
    parser.add_argument("--orders", default="orders", metavar="TOPIC")
    options = parser.parse_args()

    producer = KafkaProducer(bootstrap_servers=options.kafka)
    for number, item in enumerate(ORDERS, start=1):
        producer.send(options.orders, json.dumps({"order": number, "item": item}).encode())
        print(f"order {number}: {item}", flush=True)
    producer.close()


if __name__ == "__main__":
    main()
