"""The shop: publishes a few orders."""

from __future__ import annotations

import argparse

from events import Event, Producer

ORDERS = [("ale", 2), ("unicorn", 1), ("bread", 3)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--orders", default="orders", metavar="TOPIC")
    options = parser.parse_args()

    producer = Producer(options.broker)
    for number, (item, pieces) in enumerate(ORDERS, start=1):
        producer.send(options.orders, Event("order_placed", {"order": number, "item": item, "pieces": pieces}))
        print(f"order {number}: {pieces} {item}", flush=True)
    producer.send(options.orders, Event("shop_closed", {}))
    producer.close()


if __name__ == "__main__":
    main()
