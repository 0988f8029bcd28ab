"""The shop: takes orders."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from .events import Event, Producer, options

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTRIES = ("DE", "FR", "PL")


def order(number: int, luck: random.Random) -> Event:
    """Make up one customer's order."""
    data = {"order": number, "card": f"{luck.randrange(20):04}", "cents": luck.randrange(500, 20_000)}
    return Event("order.placed", data | {"country": luck.choice(COUNTRIES)})


def day(orders: int, luck: random.Random) -> list[Event]:
    """Make up the orders of a day: one customer has moved to Iceland, another pays with a voucher instead of a card."""
    placed = [order(number, luck) for number in range(orders)]
    placed[orders // 2].data.update(card="0001", country="IS")
    placed[orders // 3].data["voucher"] = placed[orders // 3].data.pop("card")
    return placed


def events(orders: int, luck: random.Random, forever: bool) -> Iterator[Event]:
    """Give the orders of one day, or of all days to come."""
    yield from day(orders, luck)
    while forever:
        yield from day(orders, luck)


def main() -> None:
    """Place the orders of one short day."""
    given = options()
    luck = random.Random(given.seed)  # noqa: S311  # the same day again for the same seed
    producer = Producer(given.broker, "shop")
    for event in events(given.orders, luck, given.forever):
        producer.publish("orders", event)
        time.sleep(luck.uniform(0.4, 1.6) * given.pause)
    producer.publish("orders", Event("day.closed", {"events": given.orders + 1}))
    producer.close()


if __name__ == "__main__":
    main()
