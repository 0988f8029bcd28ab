"""A match server publishes ticks by ZeroMQ to a viewer that is slow at first: what the queues cannot hold is dropped.

The twin's queues hold everything. Shown by: both sides have `eda.sender.id` and `eda.sender.sequence`; numbers of the
sender's spans are on no process span, the viewer's has `eda.sender.missed`, and later numbers did arrive (EDA106).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
FAST, SLOW, SIZE = 400, 40, 20_000


def play(books: Books, library: str, faulty: bool) -> None:  # there is one library
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    door = f"ipc://{books.file.with_suffix('.sock')}"
    with books.running("viewer", viewer, door, faulty) as reader:
        books.run("match-server", match_server, door, faulty)
        books.stage.finish(reader)
    came = books.count("came")
    if faulty:
        assert came < FAST + SLOW
        books.note("must", code="EDA106", where={"service": "match-server"})
    else:
        assert came == FAST + SLOW
    books.note("may", code="EDA501", where={})  # what was not dropped did wait


def match_server(door: str, faulty: bool) -> None:
    import zmq

    context = zmq.Context()
    publisher = context.socket(zmq.XPUB)
    publisher.setsockopt(zmq.SNDHWM, 10 if faulty else 0)
    publisher.bind(door)
    publisher.recv()  # a viewer has subscribed
    for number in range(FAST + SLOW):
        note("sent", number, to=door)
        publisher.send(b"%08d" % number + bytes(SIZE))
        if number >= FAST:
            time.sleep(0.1)
    time.sleep(3)
    context.destroy(linger=5000)


def viewer(door: str, faulty: bool) -> None:
    import zmq

    context = zmq.Context()
    subscriber = context.socket(zmq.SUB)
    subscriber.setsockopt(zmq.RCVHWM, 10 if faulty else 0)
    subscriber.setsockopt(zmq.SUBSCRIBE, b"")
    subscriber.connect(door)
    last = b""
    while last != b"%08d" % (FAST + SLOW - 1) and subscriber.poll(60_000):
        tick = subscriber.recv()
        last = tick[:8]
        note("came", int(last))
        if int(last) < 100:
            time.sleep(0.01)  # a new viewer has to load the map
    context.destroy(linger=0)
