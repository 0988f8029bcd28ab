"""Payments: charges cards, tries again later if that may help, and sends the result to the requester."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from events import Event, Handlers

if TYPE_CHECKING:
    from aiokafka.structs import ConsumerRecord

DELAYS = (0.0, 0.3, 0.9)  # seconds a charge waits before each attempt
REPLY_TO = "reply-to"


class DeclinedError(Exception):
    """The bank declines, and would decline again."""


class BankError(Exception):
    """The bank does not answer."""


class Bank:
    """A bank that some cards keep busy for a while, and some for ever."""

    def __init__(self) -> None:
        self.asked: Counter[int] = Counter()

    async def charge(self, event: Event) -> None:
        self.asked[event.order] += 1
        if event.card == "stolen":
            raise DeclinedError("the card is stolen")
        if event.card == "dead" or (event.card == "slow" and self.asked[event.order] < len(DELAYS)):
            raise BankError("the bank does not answer")


class Payments:
    """Works on a topic and those for its retries."""

    def __init__(self, broker: str, topic: str, producer: AIOKafkaProducer) -> None:
        self.broker, self.producer = broker, producer
        self.topics = [topic, *(f"{topic}.retry.{number}" for number in range(1, len(DELAYS)))]
        self.dead_letters = f"{topic}.dlq"
        self.handlers = Handlers()
        self.handlers.register("charge", Bank().charge)

    async def work(self, number: int) -> None:
        """Attempt what is in a topic, each when it is due; messages of one topic fall due in their order."""
        consumer = AIOKafkaConsumer(
            self.topics[number],
            bootstrap_servers=self.broker,
            group_id="payments",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        async with consumer:
            while True:
                for records in (await consumer.getmany(timeout_ms=500, max_records=1)).values():
                    await asyncio.sleep(records[0].timestamp / 1000 + DELAYS[number] - time.time())
                    for record in records:
                        await self.attempt(record, number)
                        await consumer.commit()

    async def attempt(self, record: ConsumerRecord, number: int) -> None:
        """Charge a card, or hand the charge on to the next topic, or give up; answer if it is over."""
        event, outcome = Event.read(record.value), "charged"
        try:
            await self.handlers.handle(event)
        except DeclinedError:
            outcome = "declined"
        except BankError:
            last = number == len(self.topics) - 1
            await self.send(self.dead_letters if last else self.topics[number + 1], event, record)
            if not last:
                return
            outcome = "given_up"
        print(f"order {event.order}: {outcome} at attempt {number + 1}", flush=True)
        await self.send(dict(record.headers)[REPLY_TO].decode(), Event(outcome, event.order), record)

    async def send(self, topic: str, event: Event, record: ConsumerRecord) -> None:
        """Send an event with the headers that are ours: what else a message carries is its own sender's."""
        headers = [(name, value) for name, value in record.headers if name == REPLY_TO]
        await self.producer.send_and_wait(topic, event.write(), headers=headers)


async def run(broker: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        payments = Payments(broker, topic, producer)
        await asyncio.gather(*(payments.work(number) for number in range(len(DELAYS))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--charges", default="charges", metavar="TOPIC")
    options = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(run(options.broker, options.charges))


if __name__ == "__main__":
    main()
