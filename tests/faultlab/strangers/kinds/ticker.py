"""A ticker publishes at once, before its boards have joined; its twin shakes hands by REQ and REP."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT = 200


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    feed, door = (f"ipc://{books.file.with_suffix(name)}" for name in (".feed", ".door"))
    with (
        books.running("board", board, feed, door, faulty) as one,
        books.running("ticker", ticker, feed, door, faulty) as two,
    ):
        for program in (one, two):
            books.stage.finish(program)
    if faulty:
        assert books.count("came") < COUNT
        books.note("must", code="EDA106", where={"service": "ticker"})
    else:
        assert books.count("came") == COUNT


def ticker(feed: str, door: str, faulty: bool) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.bind(feed)
    if not faulty:
        hands = context.socket(zmq.REP)
        hands.bind(door)
        hands.recv()
        hands.send(b"welcome")
    for number in range(COUNT):
        socket.send_multipart([b"tick", b"%d" % number])
        note("sent", number, to=feed)
        time.sleep(0.02)
    socket.send_multipart([b"tick", b"end"])
    context.destroy(linger=2000)


def board(feed: str, door: str, faulty: bool) -> None:
    import zmq

    if faulty:
        time.sleep(1.5)  # it has more to load than the ticker
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.subscribe(b"tick")
    socket.connect(feed)
    if not faulty:
        hands = context.socket(zmq.REQ)
        hands.connect(door)
        time.sleep(0.5)  # so that the subscription is there before the welcome
        hands.send(b"here I am")
        hands.recv()
    while socket.poll(10_000):
        _, body = socket.recv_multipart()
        if body == b"end":
            break
        note("came", int(body))
    context.destroy(linger=0)
