"""A travel saga: commands to three services and their replies; in the faulty one nobody reads the hotel's commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]


def play(books: Books, library: str, faulty: bool) -> None:
    flights, hotels, replies = books.topic(1), books.topic(1), books.topic(1)
    books.run("travel", order, library, flights, hotels)
    books.run("flights", serve, library, flights, replies, "flights")
    if faulty:
        books.note("unread", to=hotels)
    else:
        books.run("hotels", serve, library, hotels, replies, "hotels")
    books.run("travel", collect, library, replies, flights)
    if not faulty:
        books.run("flights", serve, library, flights, replies, "flights")
        # Nobody is there to read what the flights answer to a cancellation.
        books.note("may", code="EDA504", where={"group": "travel", "destination": replies})
    for topic, group in ((flights, "flights"), (replies, "travel")):
        books.close_topic(topic, group)


def order(library: str, flights: str, hotels: str) -> None:
    trips = [{"trip": f"trip-{n}", "full": n % 5 == 0} for n in range(15)]
    publish(library, flights, [{**trip, "id": f"{trip['trip']}-flight", "do": "book"} for trip in trips], "trip")
    publish(library, hotels, [{**trip, "id": f"{trip['trip']}-hotel", "do": "book"} for trip in trips], "trip")


def serve(library: str, commands: str, replies: str, name: str) -> None:
    def execute(command: dict[str, Any], message: Any) -> None:
        note("began", command["id"], message, group=name)
        full = name == "hotels" and command["full"]
        reply = {"id": f"re-{command['id']}", "trip": command["trip"], "ok": not full, "did": command["do"]}
        note("done", command["id"], message, group=name)
        publish(library, replies, [reply], "trip")

    work(library, commands, name, execute)


def collect(library: str, replies: str, flights: str) -> None:
    def on_reply(reply: dict[str, Any], message: Any) -> None:
        note("began", reply["id"], message, group="travel")
        if not reply["ok"]:
            cancel = {"id": f"{reply['trip']}-cancel", "trip": reply["trip"], "do": "cancel", "full": False}
            publish(library, flights, [cancel], "trip")
        note("done", reply["id"], message, group="travel")

    work(library, replies, "travel", on_reply)
