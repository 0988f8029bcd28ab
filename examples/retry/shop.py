"""The shop: requests charges of its customers' cards, and handles each result when it arrives."""

from __future__ import annotations

import argparse
import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from events import Event, Handlers

CARDS = ("good", "slow", "stolen", "dead")


class Shop:
    """Orders that wait for their payment."""

    def __init__(self, producer: AIOKafkaProducer, charges: str, results: str) -> None:
        self.producer, self.charges, self.results = producer, charges, results
        self.waiting: dict[int, asyncio.Future[str]] = {}
        self.handlers = Handlers()
        for outcome in ("charged", "declined", "given_up"):
            self.handlers.register(outcome, self.settle)

    async def order(self, number: int, card: str) -> None:
        """Request a charge and wait for its result."""
        self.waiting[number] = asyncio.get_running_loop().create_future()
        headers = [("reply-to", self.results.encode())]
        await self.producer.send_and_wait(self.charges, Event("charge", number, card).write(), headers=headers)
        print(f"order {number}: {await self.waiting[number]}", flush=True)

    async def settle(self, event: Event) -> None:
        """Be called back."""
        self.waiting.pop(event.order).set_result(event.event_type)

    async def listen(self, consumer: AIOKafkaConsumer) -> None:
        """Read results until all are there."""
        async for record in consumer:
            await self.handlers.handle(Event.read(record.value))
            if not self.waiting:
                break


async def run(broker: str, charges: str, results: str) -> None:
    consumer = AIOKafkaConsumer(results, bootstrap_servers=broker, group_id="shop", auto_offset_reset="earliest")
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer, consumer:
        shop = Shop(producer, charges, results)
        orders = [shop.order(number, card) for number, card in enumerate(CARDS, start=1)]
        await asyncio.gather(*orders, shop.listen(consumer))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--charges", default="charges", metavar="TOPIC")
    parser.add_argument("--results", default="results", metavar="TOPIC")
    options = parser.parse_args()
    asyncio.run(run(options.broker, options.charges, options.results))


if __name__ == "__main__":
    main()
