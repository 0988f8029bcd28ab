"""Scales push weights to an office that has moved to another port: one scale has the old one in its settings, or none.

A PUSH socket keeps what it sends until somebody is there, and drops it when its process ends. In the twin the office
opens its doors late, and binds all addresses of its machine, to which the scales connect by one of them.

Shown by: the sends of that scale have spans and go well; nobody has received anything from their address, while the
office has process spans of the other scale's, at the other address (EDA107).
"""

from __future__ import annotations

import random
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT = 40


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    old, new = free_port(), free_port()
    with (
        books.serving("scale-north", scale, "north", new),
        books.serving("scale-south", scale, "south", old if faulty else new),
    ):
        books.wait("sent", 2)
        with books.serving("office", office, new):
            books.wait("done", COUNT if faulty else 2 * COUNT)
            books.wait("sent", 2 * COUNT)
            time.sleep(2)
    assert books.count("done") == (COUNT if faulty else 2 * COUNT)
    if faulty:
        books.note("unread", to=f":{old}")
        # They were dropped in the end.
        books.note("may", code="EDA106", where={"service": "scale-south"})


def free_port() -> int:
    """Give a port that nobody has, below those that the system gives away."""
    while True:
        port = random.randrange(20_000, 30_000)
        with closing(socket.socket()) as door:
            try:
                door.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def scale(name: str, port: int) -> None:
    import zmq

    stop, context = Stop(), zmq.Context()
    out = context.socket(zmq.PUSH)
    out.linger = 500
    out.connect(f"tcp://127.0.0.1:{port}")
    for number in range(COUNT):
        weight = {"id": f"{name}-{number}", "kilos": 7400 + number}
        out.send_json(weight)
        note("sent", weight["id"], to=f":{port}")
        time.sleep(0.05)
    while not stop.asked:
        time.sleep(0.1)
    out.close()
    context.term()


class Book:
    """The office's book of weights."""

    def __init__(self) -> None:
        self.kilos: dict[str, int] = {}

    def enter(self, weight: dict[str, Any]) -> None:
        note("began", weight["id"])
        self.kilos[weight["id"]] = weight["kilos"]
        note("done", weight["id"])


def office(port: int) -> None:
    import zmq

    stop, book, context = Stop(), Book(), zmq.Context()
    door = context.socket(zmq.PULL)
    door.bind(f"tcp://*:{port}")
    poller = zmq.Poller()
    poller.register(door, zmq.POLLIN)
    while not stop.asked:
        if dict(poller.poll(200)):
            weight: Any = door.recv_json()
            book.enter(weight)
    door.close(linger=0)
    context.term()
