"""A board is slower than its feed, whose queue is bounded, so that prices are dropped; or it wants the newest only."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT, DEPTH = 1500, 20


def play(books: Books, library: str, faulty: bool) -> None:
    # A socket that keeps the newest message keeps one frame of it, and a context would be another.
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1" if faulty else "0"
    door = f"ipc://{books.file.with_suffix('.sock')}"
    with books.running("order-board", board, door, faulty) as reader:
        books.wait("ready", 1)
        books.run("market-feed", feed, door)
        books.stage.finish(reader)
    assert 10 < books.count("came") < COUNT
    # In the twin, what nobody wants any more is overwritten; nothing but the board's settings says so.
    books.note("must" if faulty else "may", code="EDA106", where={"service": "market-feed"})


def feed(door: str) -> None:
    import zmq

    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.setsockopt(zmq.SNDHWM, DEPTH)
        socket.setsockopt(zmq.LINGER, 3000)
        socket.bind(door)
        time.sleep(1.5)  # until the boards are there
        for number in range(COUNT):
            note("sent", number, to=door)
            book = {"tick": number, "bids": [[100 - level, 5] for level in range(100)]}
            socket.send_string(json.dumps(book))
            time.sleep(0.001)
        socket.send_string("null")


def board(door: str, faulty: bool) -> None:
    asyncio.run(Board(door, faulty).run())


class Board:
    """Draws each order book that comes."""

    def __init__(self, door: str, all_of_them: bool) -> None:
        self.door = door
        self.all = all_of_them

    async def run(self) -> None:
        import zmq
        import zmq.asyncio

        context = zmq.asyncio.Context()
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, DEPTH)
        if not self.all:
            socket.setsockopt(zmq.CONFLATE, 1)
        socket.subscribe("")
        socket.connect(self.door)
        note("ready")
        while await socket.poll(12_000):
            book: Any = json.loads(await socket.recv_string())
            if book is None:
                break
            await asyncio.sleep(0.02)
            note("came", book["tick"])
        context.destroy(linger=0)
