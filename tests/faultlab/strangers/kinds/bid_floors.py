"""An auction's worker logs what goes wrong with a bid and goes on: since a release that is every video; or two.

An exchange pushes bids by ZeroMQ. The worker takes one after the other, and an error must not stop it. Videos have
their price elsewhere now. The twin's worker knows that; a bid of an advertiser who is not loaded yet is tried again.

Shown by: the process spans of videos have the event `eda.process.error_logged` (EDA401 as a SUSPECT, and so EDA104).
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT = 50
log = logging.getLogger("floors")


def play(books: Books, library: str, faulty: bool) -> None:  # there is one library
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    door = f"ipc://{books.file.with_suffix('.sock')}"
    with books.serving("auction", auction, door, not faulty):
        books.wait("ready", 1)
        books.run("ad-exchange", exchange, door)
        books.wait("taken", COUNT)
        time.sleep(1)
    if faulty:
        books.note("may", code="EDA104", where={"service": "auction"})


def exchange(door: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.connect(door)
    for number in range(COUNT):
        video = number % 5 in {1, 2, 4}
        price = {"offer": {"cents": number}} if video else {"cents": number}
        note("sent", f"bid-{number}", to=door)
        socket.send_json({"id": f"bid-{number}", "format": "video" if video else "banner", **price})
    socket.close(linger=30_000)
    context.term()


class Auction:
    """Holds bids against floors."""

    def __init__(self, knows_offers: bool) -> None:
        self.knows_offers = knows_offers
        self.best = 0
        self.loaded: set[str] = set()

    def bid(self, bid: dict[str, Any]) -> None:
        if self.knows_offers and bid["id"] in {"bid-10", "bid-30"} and bid["id"] not in self.loaded:
            self.loaded.add(bid["id"])
            raise LookupError(f"{bid['id']}: its advertiser is not loaded")
        offer = bid.get("offer", bid) if self.knows_offers else bid
        self.best = max(self.best, offer["cents"])


def auction(door: str, knows_offers: bool) -> None:
    import zmq

    stop, auction_, context = Stop(), Auction(knows_offers), zmq.Context()
    socket = context.socket(zmq.PULL)
    socket.bind(door)
    note("ready")
    while not stop.asked:
        if not socket.poll(200):
            continue
        bid = json.loads(socket.recv())
        note("began", bid["id"])
        _handle(auction_, bid)
        note("taken", bid["id"])
    context.destroy(linger=0)


def _handle(auction_: Auction, bid: dict[str, Any]) -> None:
    try:
        _twice(auction_, bid) if auction_.knows_offers else auction_.bid(bid)
    except Exception:
        log.exception("%s is not in the auction", bid["id"])
        note("failed", bid["id"])
        note("logged", bid["id"])
    else:
        note("done", bid["id"])


def _twice(auction_: Auction, bid: dict[str, Any]) -> None:
    try:
        auction_.bid(bid)
    except LookupError as error:
        log.error("%s, once more", error)
        auction_.bid(bid)
