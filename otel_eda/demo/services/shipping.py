"""Shipping: sends off what is paid and puts back what is not."""

from __future__ import annotations

import random
import time

from .events import Consumer, Event, EventHandler, options

POSTAGE = {"DE": 549, "FR": 1590, "PL": 1390}


class Shipping:
    """Acts on each payment."""

    def __init__(self, luck: random.Random) -> None:
        self.luck = luck
        self.events = EventHandler()
        self.events.register("payment.taken", self.ship)
        self.events.register("payment.failed", self.restock)
        self.events.register("day.closed", self.close)
        self.postage = 0

    def ship(self, event: Event) -> None:
        """Print the label."""
        time.sleep(self.luck.uniform(0.0005, 0.003))
        self.postage += POSTAGE[event.data["country"]]

    def restock(self, _: Event) -> None:
        """Put the goods back on the shelf."""
        time.sleep(self.luck.uniform(0.0002, 0.001))

    def close(self, _: Event) -> None:
        """Pay the post."""
        print(f"postage {self.postage / 100:.2f}")


def main() -> None:
    """Ship the orders of one day."""
    given = options()
    luck = random.Random(given.seed)  # noqa: S311  # the same day again for the same seed
    Consumer(given.broker, "payments", "shipping").run(Shipping(luck).events.handle)


if __name__ == "__main__":
    main()
