"""Billing, with confluent-kafka: writes a bill for each order."""

from __future__ import annotations

import argparse
import json
from contextlib import suppress

from confluent_kafka import Consumer, Producer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", default="localhost:9092")
    parser.add_argument("--orders", default="orders", metavar="TOPIC")
    parser.add_argument("--bills", default="bills", metavar="TOPIC")
    options = parser.parse_args()

    producer = Producer({"bootstrap.servers": options.kafka})
    consumer = Consumer(
        {"bootstrap.servers": options.kafka, "group.id": options.orders, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([options.orders])
    with suppress(KeyboardInterrupt):
        while True:
            message = consumer.poll(0.5)
            if message is None or message.error():
                continue
            order = json.loads(message.value() or b"")
            producer.produce(options.bills, json.dumps({**order, "total": 5 * len(order["item"])}).encode())
            producer.flush()
            print(f"order {order['order']}: billed", flush=True)
    consumer.close()


if __name__ == "__main__":
    main()
