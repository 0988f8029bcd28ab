"""Prices by PUB and SUB: the faulty board is away for a while; its twin wants one kind of prices only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT = 120


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    address = f"ipc://{books.file.with_suffix('.sock')}"
    with books.running("exchange", exchange, address, faulty) as feed:
        books.run("board", board, address, faulty)
        books.stage.finish(feed)
    if faulty:
        books.note("must", code="EDA106", where={"service": "exchange"})


def exchange(address: str, faulty: bool) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.XPUB)
    socket.setsockopt(zmq.SNDHWM, 10 if faulty else 1000)
    socket.bind(address)
    socket.recv()
    for number in range(COUNT * (20 if faulty else 1)):
        topic = b"fx." if number % 2 else b"stock."
        socket.send_multipart([topic, b"%d" % number])
        note("sent", number, to=address)
    time.sleep(0.5)
    context.destroy(linger=1000)


def board(address: str, faulty: bool) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 10 if faulty else 1000)
    socket.connect(address)
    socket.subscribe(b"" if faulty else b"fx.")
    while socket.poll(2500):
        socket.recv_multipart()
        if faulty:
            time.sleep(0.002)
    context.destroy(linger=0)
