"""Packing, from Kafka with aiokafka to RabbitMQ with pika: packs billed orders."""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import suppress

import pika
from aiokafka import AIOKafkaConsumer


async def pack(
    kafka: str, bills: str, channel: pika.adapters.blocking_connection.BlockingChannel, parcels: str
) -> None:
    consumer = AIOKafkaConsumer(bills, bootstrap_servers=kafka, group_id=bills, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async for message in consumer:
            bill = json.loads(message.value)
            channel.basic_publish("", parcels, json.dumps({"order": bill["order"], "inside": bill["item"]}).encode())
            print(f"order {bill['order']}: packed", flush=True)
    finally:
        await consumer.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", default="localhost:9092")
    parser.add_argument("--rabbitmq", default="localhost:5672")
    parser.add_argument("--bills", default="bills", metavar="TOPIC")
    parser.add_argument("--parcels", default="parcels", metavar="QUEUE")
    options = parser.parse_args()

    connection = pika.BlockingConnection(pika.URLParameters(f"amqp://guest:guest@{options.rabbitmq}/%2F?heartbeat=0"))
    channel = connection.channel()
    channel.queue_declare(options.parcels, durable=True)
    with suppress(KeyboardInterrupt):
        asyncio.run(pack(options.kafka, options.bills, channel, options.parcels))
    connection.close()


if __name__ == "__main__":
    main()
