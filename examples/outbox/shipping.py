"""Shipping: acts on each order once, however often its event arrives."""

from __future__ import annotations

import argparse
import json
from contextlib import suppress

from kafka import KafkaConsumer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--orders", default="orders", metavar="TOPIC")
    options = parser.parse_args()

    consumer = KafkaConsumer(
        options.orders, bootstrap_servers=options.broker, group_id="shipping", auto_offset_reset="earliest"
    )
    known = set()
    with suppress(KeyboardInterrupt):
        for message in consumer:
            order = json.loads(message.value)["order"]
            print(f"order {order}: {'came again' if order in known else 'shipped'}", flush=True)
            known.add(order)
    consumer.close()


if __name__ == "__main__":
    main()
