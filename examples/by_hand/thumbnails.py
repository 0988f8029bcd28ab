"""A consumer that hands its messages to threads; each thread says which message it processes."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, KafkaProducer

import otel_eda

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

THREADS = 4


def shrink(message: ConsumerRecord) -> None:
    """Make a thumbnail, in a thread of the pool."""
    with otel_eda.process(message):  # from here to the end of the block the message is processed
        name = message.value.decode()
        time.sleep(0.1)
        if name.endswith(".txt"):
            raise ValueError(f"{name} is no picture")
        print(f"{name}: done", flush=True)


def upload(broker: str, topic: str, count: int) -> None:
    """Say which pictures there are; one of them is none."""
    producer = KafkaProducer(bootstrap_servers=broker)
    for name in [*(f"{number}.jpg" for number in range(1, count)), "notes.txt"]:
        producer.send(topic, name.encode())
    producer.close()


def work(broker: str, topic: str, count: int) -> None:
    """Read that many messages, and have threads process them."""
    consumer = KafkaConsumer(topic, bootstrap_servers=broker, group_id="thumbnails", auto_offset_reset="earliest")
    with ThreadPoolExecutor(THREADS) as pool:
        for number, message in enumerate(consumer, start=1):
            pool.submit(shrink, message)
            if number == count:
                break
    consumer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--topic", default="pictures")
    parser.add_argument("--count", type=int, default=12)
    options = parser.parse_args()

    upload(options.broker, options.topic, options.count)
    work(options.broker, options.topic, options.count)


if __name__ == "__main__":
    main()
