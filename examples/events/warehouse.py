"""The warehouse: packs orders and sends an event for each packed order."""

from __future__ import annotations

import argparse
import time

from events import Consumer, Event, EventHandler, Producer


class OutOfStockError(Exception):
    """There is not enough of an article."""


class Warehouse:
    """The handlers of the warehouse."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self.producer = producer
        self.topic = topic
        self.stock = {"ale": 10, "bread": 10}

    def pack(self, event: Event) -> None:
        """Take the pieces off the shelf and send an event about it."""
        item, pieces = event.data["item"], event.data["pieces"]
        time.sleep(0.005)
        if self.stock.get(item, 0) < pieces:
            raise OutOfStockError(f"{pieces} {item} wanted, {self.stock.get(item, 0)} there")
        self.stock[item] -= pieces
        self.producer.send(self.topic, Event("order_packed", event.data))
        print(f"order {event.data['order']}: packed", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--orders", default="orders", metavar="TOPIC")
    parser.add_argument("--packed", default="packed", metavar="TOPIC")
    options = parser.parse_args()

    producer = Producer(options.broker)
    warehouse = Warehouse(producer, options.packed)
    handler = EventHandler()
    handler.register("order_placed", warehouse.pack)
    consumer = Consumer(options.broker, options.orders, "warehouse")
    try:
        consumer.run(handler)
    except KeyboardInterrupt:
        print("closed", flush=True)
    finally:
        consumer.close()
        producer.close()


if __name__ == "__main__":
    main()
