"""Sensors: publish their readings with their name as the key; one sensor measures more than all others."""

from __future__ import annotations

import argparse
import random

from confluent_kafka import Producer

SENSORS = 200
HOT = "sensor-0"
SHARE = 0.85  # of all readings
PARTS = 32  # into which a key is divided, if it is


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--readings", default="readings", metavar="TOPIC")
    parser.add_argument("--count", type=int, default=1200)
    parser.add_argument("--divide", action="store_true", help="divide the keys: the order within a sensor is given up")
    options = parser.parse_args()

    chance = random.Random(1)
    producer = Producer({"bootstrap.servers": options.broker})
    for number in range(options.count):
        sensor = HOT if chance.random() < SHARE else f"sensor-{chance.randrange(SENSORS)}"
        key = f"{sensor}/{number % PARTS}" if options.divide else sensor
        producer.produce(options.readings, str(number).encode(), key.encode())
        producer.poll(0)
    producer.flush()


if __name__ == "__main__":
    main()
