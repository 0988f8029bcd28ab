"""A decorator sets aside what a handler cannot do: for good in the faulty program, for a second try in its twin."""

from __future__ import annotations

import functools
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
log = logging.getLogger(__name__)
GROUP = "loyalty-v2"


@dataclass
class Purchase:
    """What a customer has bought."""

    id: str
    customer: str
    cents: int


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    aside = topic + (".dlq" if faulty else ".retry")
    books.run("pos", till, library, topic)
    books.run("loyalty", loyalty, library, topic, aside)
    if faulty:
        books.note("archive", to=aside)
    else:
        books.run("loyalty", second, library, aside)
    books.close_topic(topic, GROUP)


def till(library: str, topic: str) -> None:
    publish(library, topic, [asdict(Purchase(f"p-{n}", f"c-{n % 4}", n * 100 - 500)) for n in range(20)], "customer")


def setting_aside(library: str, aside: str) -> Callable[..., Callable[[dict[str, Any], Any], None]]:
    def decorate(handler: Callable[[Purchase], None]) -> Callable[[dict[str, Any], Any], None]:
        @functools.wraps(handler)
        def wrapped(event: dict[str, Any], message: Any) -> None:
            note("began", event["id"], message, group=GROUP)
            try:
                handler(Purchase(**event))
            except ValueError as error:
                log.warning("%s goes to %s: %s", event["id"], aside, error)
                note("aside" if aside.endswith(".dlq") else "retired", event["id"], message, group=GROUP)
                publish(library, aside, [event], "customer")
                return
            note("done", event["id"], message, group=GROUP)

        return wrapped

    return decorate


def loyalty(library: str, topic: str, aside: str) -> None:
    @setting_aside(library, aside)
    def award(purchase: Purchase) -> None:
        if purchase.cents < 0:
            raise ValueError(f"{purchase.cents} cents")

    work(library, topic, GROUP, award)


def second(library: str, aside: str) -> None:
    def refund(event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message, group=f"{GROUP}-retry")
        note("done", event["id"], message, group=f"{GROUP}-retry")

    work(library, aside, f"{GROUP}-retry", refund)
