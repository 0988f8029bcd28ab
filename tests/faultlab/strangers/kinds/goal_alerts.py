"""A match centre publishes goals to a hub that is deployed meanwhile, so that PUB drops some; or to a second hub, too.

The centre binds a socket, waits for the first subscription, and goes on for as long as there is football. The hub
connects to it. In the twin the new hub is there before the old one goes.

Shown by: the centre's send spans have numbers that are on no process span of a hub, while those before and after them
are (EDA106).
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    door = f"ipc://{books.file.with_name('goals')}"
    with ExitStack() as stack:
        old = stack.enter_context(books.running("hub", hub, door))
        centre = stack.enter_context(books.running("match-centre", publish, door))
        books.wait("done", 40)
        if faulty:
            books.stop(old)
        new = stack.enter_context(books.running("hub", hub, door))
        books.wait("first", 2)
        if not faulty:
            books.stop(old)
        books.wait("done", books.count("done") + 40)
        books.stop(centre)
        time.sleep(2)
        books.stop(new)
    lines = diary.read(books.file)
    sent, done = ({line["event"] for line in lines if line["what"] == what} for what in ("sent", "done"))
    assert bool(sent - done) is faulty
    if faulty:
        books.note("must", code="EDA106", where={"service": "match-centre"})


def publish(door: str) -> None:
    """Publish from when the first hub is there."""
    import zmq

    stop, context = Stop(), zmq.Context()
    out = context.socket(zmq.XPUB)
    out.bind(door)
    out.recv()  # a subscription
    number = 0
    while not stop.asked:
        note("sent", f"goal-{number}", to="goals")
        out.send_multipart([b"goal.", json.dumps({"id": f"goal-{number}"}).encode()])
        number += 1
        time.sleep(0.05)
    out.close(linger=30_000)
    context.term()


class Table:
    """What is known of the matches."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def add(self, event: dict[str, Any]) -> None:
        note("began", event["id"])
        if not self.events:
            note("first")
        self.events.append(event["id"])
        note("done", event["id"])


def hub(door: str) -> None:
    import zmq

    stop, table, context = Stop(), Table(), zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.connect(door)
    socket.subscribe("")
    while not stop.asked:
        if socket.poll(200):
            _, body = socket.recv_multipart()
            table.add(json.loads(body))
    context.destroy(linger=0)
