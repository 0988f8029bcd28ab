"""Shipping, from RabbitMQ with aio-pika to ZeroMQ: reports where each parcel is."""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import suppress

import aio_pika
import zmq


async def ship(rabbitmq: str, parcels: str, screen: zmq.Socket[bytes]) -> None:
    connection = await aio_pika.connect_robust(f"amqp://guest:guest@{rabbitmq}/")
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(parcels, durable=True)
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process():
                    parcel = json.loads(message.body)
                    screen.send_json({**parcel, "place": "on its way"})
                    print(f"order {parcel['order']}: shipped", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rabbitmq", default="localhost:5672")
    parser.add_argument("--parcels", default="parcels", metavar="QUEUE")
    parser.add_argument("--screen", default="tcp://127.0.0.1:5599")
    options = parser.parse_args()

    with zmq.Context() as context, context.socket(zmq.PUSH) as screen:
        screen.connect(options.screen)
        with suppress(KeyboardInterrupt):
            asyncio.run(ship(options.rabbitmq, options.parcels, screen))


if __name__ == "__main__":
    main()
