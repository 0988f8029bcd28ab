"""The relay: publishes the events of the outbox, each at least once."""

from __future__ import annotations

import argparse
import os
import signal
import time
from contextlib import suppress

from kafka import KafkaProducer
from outbox import Database, Row

import otel_eda

PAUSE = 0.1  # seconds between two looks into the table
PATIENCE = 30.0  # seconds for the broker's answer


class Relay:
    """Moves events from a table to their topics."""

    def __init__(self, database: Database, broker: str, crash: str | None) -> None:
        self.database = database
        self.producer = KafkaProducer(bootstrap_servers=broker)
        self.crash = crash

    def publish(self, row: Row) -> None:
        """Publish an event with its stored headers, then note that it is published."""
        with otel_eda.process(row, destination="outbox"):
            self.maybe_crash("before")
            headers = [(name, value.encode()) for name, value in row.headers.items()]
            sent = self.producer.send(row.topic, row.event.encode(), headers=headers, timestamp_ms=row.stored)
            sent.get(PATIENCE)
            self.maybe_crash("after")
            self.database.published(row)
        print(f"event {row.number}: published", flush=True)

    def maybe_crash(self, moment: str) -> None:
        """End as a power cut would, if this is the moment."""
        if self.crash == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def run(self) -> None:
        """Publish until interrupted."""
        while True:
            for row in self.database.pending():
                self.publish(row)
            time.sleep(PAUSE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--database", default="sqlite:///shop.db", metavar="URL")
    parser.add_argument("--crash", choices=["before", "after"], help="end by SIGKILL at the first event's publishing")
    options = parser.parse_args()

    relay = Relay(Database(options.database), options.broker, options.crash)
    with suppress(KeyboardInterrupt):
        relay.run()
    relay.producer.close()


if __name__ == "__main__":
    main()
