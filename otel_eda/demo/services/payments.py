"""Payments: charges the card of every order."""

from __future__ import annotations

import random
import time

from .events import Consumer, Event, EventHandler, Producer, options

STOLEN = {"0002"}


class CardDeclinedError(Exception):
    """The bank said no."""


class Payments:
    """Answers each order with a payment that was taken or failed."""

    def __init__(self, producer: Producer, luck: random.Random) -> None:
        self.producer = producer
        self.luck = luck
        self.events = EventHandler()
        self.events.register("order.placed", self.charge)
        self.events.register("day.closed", self.close)

    def charge(self, event: Event) -> None:
        """Charge the card, which takes the bank a moment."""
        time.sleep(self.luck.uniform(0.0005, 0.004))
        if event.data["card"] in STOLEN:
            raise CardDeclinedError(f"card ending in {event.data['card']} was declined")
        self.producer.publish("payments", Event("payment.taken", event.data))

    def close(self, event: Event) -> None:
        """Pass the end of the day on."""
        self.producer.publish("payments", event)

    def handle(self, event: Event) -> None:
        """Handle one event; a declined card is an answer, not an accident."""
        try:
            self.events.handle(event)
        except CardDeclinedError as error:
            self.refuse(event, str(error))

    def refuse(self, event: Event, reason: str = "the payment cannot be made") -> None:
        """Let the goods go back on the shelf."""
        self.producer.publish("payments", Event("payment.failed", event.data | {"reason": reason}))


def main() -> None:
    """Charge the orders of one day; the bank may be out for a moment, so each has three tries."""
    given = options()
    producer = Producer(given.broker, "payments")
    luck = random.Random(given.seed)  # noqa: S311  # the same day again for the same seed
    payments = Payments(producer, luck)
    Consumer(given.broker, "orders", "payments", tries=3, give_up=payments.refuse).run(payments.handle)
    producer.close()


if __name__ == "__main__":
    main()
