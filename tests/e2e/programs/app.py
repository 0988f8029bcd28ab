"""Sends a message, and reads it: `app.py ADDRESS TOPIC`."""

from __future__ import annotations

import sys

from kafka import KafkaConsumer, KafkaProducer


def main() -> None:
    address, topic = sys.argv[1:]
    producer = KafkaProducer(bootstrap_servers=address)
    producer.send(topic, b"hello").get(30)
    consumer = KafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest", consumer_timeout_ms=10_000)
    for message in consumer:
        print(message.value.decode(), flush=True)
        break
    consumer.close()
    producer.close()


if __name__ == "__main__":
    main()
