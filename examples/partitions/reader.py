"""A reader of the sensors' readings: one member of the group that shares the partitions."""

from __future__ import annotations

import argparse
import time
from contextlib import suppress

from confluent_kafka import Consumer, TopicPartition

WORK = 0.003  # seconds for each reading
EVERY = 100


class Reader:
    """Reads, and prints the partitions that it gets and loses."""

    def __init__(self, broker: str, topic: str) -> None:
        self.consumer = Consumer(
            {
                "bootstrap.servers": broker,
                "group.id": "readers",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "heartbeat.interval.ms": 500,  # a member learns of a rebalance by its next heartbeat
            }
        )
        self.consumer.subscribe([topic], on_assign=self.assigned, on_revoke=self.revoked)
        self.count = self.committed = 0

    def assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        print("assigned:", *sorted(each.partition for each in partitions), flush=True)

    def revoked(self, *_: object) -> None:
        """Commit what is read before another member goes on from there."""
        self.commit()
        print("revoked", flush=True)

    def commit(self) -> None:
        """Commit what is read since the last time."""
        if self.count > self.committed:
            self.consumer.commit(asynchronous=False)
            self.committed = self.count
            print(f"{self.count} read", flush=True)

    def run(self) -> None:
        """Read until interrupted."""
        while True:
            message = self.consumer.poll(0.5)
            if message is not None and not message.error():
                time.sleep(WORK)
                self.count += 1
            if message is None or self.count % EVERY == 0:
                self.commit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--readings", default="readings", metavar="TOPIC")
    options = parser.parse_args()

    reader = Reader(options.broker, options.readings)
    with suppress(KeyboardInterrupt):
        reader.run()
    reader.consumer.close()


if __name__ == "__main__":
    main()
