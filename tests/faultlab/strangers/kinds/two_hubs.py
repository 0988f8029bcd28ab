"""Two parcel hubs each hold the other one responsible for Jersey; in the twin they haggle over a price, and agree."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
ROUNDS = 3


def play(books: Books, library: str, faulty: bool) -> None:
    london, paris = books.queue(), books.queue()
    books.run("counter", counter, library, london)
    hub = route if faulty else haggle
    with (
        books.running("hub-london", hub, library, "GB", london, paris) as one,
        books.running("hub-paris", hub, library, "FR", paris, london) as two,
    ):
        for program in (one, two):
            books.stage.finish(program)


def counter(library: str, queue: str) -> None:
    countries = ["GB", "FR", "GB", "FR", "GB", "JE", "FR", "GB", "FR", "GB"]
    publish(library, queue, [{"id": f"parcel-{n}", "to": to, "price": 9} for n, to in enumerate(countries)])


def route(library: str, country: str, here: str, there: str) -> None:
    seen: Counter[str] = Counter()

    def sort(parcel: dict[str, Any], message: Any) -> str:
        note("began", parcel["id"], message)
        seen[parcel["id"]] += 1
        if parcel["to"] == country:
            note("done", parcel["id"], message)
        elif seen[parcel["id"]] < 20:
            publish(library, there, [parcel])  # theirs
        else:
            trace = message.headers["traceparent"].split("-")[1]
            note("must", code="EDA404", where={"trace_id": trace})
            note("aborted", parcel["id"], message)  # the shift is over
        return "ack"

    work(library, here, sort, idle=6)


def haggle(library: str, country: str, here: str, there: str) -> None:
    def answer(offer: dict[str, Any], message: Any) -> str:
        note("began", offer["id"], message)
        if offer["price"] > 9 - 2 * ROUNDS and offer["to"] != "GB":
            publish(library, there, [{**offer, "price": offer["price"] - 1}])
        note("done", f"{offer['id']}-{offer['price']}", message)
        return "ack"

    work(library, here, answer, idle=6)
