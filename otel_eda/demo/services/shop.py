"""The shop: takes orders."""

from __future__ import annotations

import random
import time

from .events import Event, Producer, options


def order(number: int, luck: random.Random) -> Event:
    """Make up one customer's order."""
    data = {"order": number, "card": f"{luck.randrange(20):04}", "cents": luck.randrange(500, 20_000)}
    return Event("order.placed", data)


def main() -> None:
    """Place the orders of one short day."""
    given = options()
    luck = random.Random(given.seed)  # noqa: S311  # the same day again for the same seed
    producer = Producer(given.broker, "shop")
    for number in range(given.orders):
        producer.publish("orders", order(number, luck))
        time.sleep(luck.uniform(0.002, 0.008))
    producer.publish("orders", Event("day.closed", {"events": given.orders + 1}))
    producer.close()


if __name__ == "__main__":
    main()
