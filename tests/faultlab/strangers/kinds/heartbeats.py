"""An agent closes without lingering, so that its reports are dropped; its twin lingers. Boards come late and filter."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
REPORTS = 12


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    pulse, reports = (f"ipc://{books.file.with_suffix(end)}" for end in (".pulse", ".reports"))
    with books.running("agent", agent, pulse, reports, faulty) as one:
        for room in ("rack-1", "rack-2"):  # each board looks at one room for a while, and nobody at the third
            books.run("board", board, pulse, room)
        one.signal(signal.SIGTERM)
        books.wait("closed", 1)
        time.sleep(0.5)
        books.run("collector", collector, reports)
        books.stage.finish(one)
    if faulty:
        # What the socket drops when it is closed no span shows: only that nobody has got it.
        books.note("unread", to=reports)
        books.note("may", code="EDA106", where={"service": "agent"})


def agent(pulse: str, reports: str, faulty: bool) -> None:
    import zmq

    stop, context = Stop(), zmq.Context()
    beat = context.socket(zmq.PUB)
    beat.bind(pulse)
    number = 0
    while not stop.asked:
        for room in ("rack-1", "rack-2", "rack-3"):
            beat.send_multipart([room.encode(), b"%d" % number])
        number += 1
        time.sleep(0.05)
    push = context.socket(zmq.PUSH)
    push.connect(reports)  # the collector is started later, as the deploy has it
    for number in range(REPORTS):
        push.send(json.dumps({"id": f"report-{number}"}).encode())
        note("sent", f"report-{number}", to=reports)
    note("closed")
    context.destroy(linger=0 if faulty else 20_000)


def board(pulse: str, room: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.connect(pulse)
    socket.subscribe(room.encode())
    for _ in range(10):
        if not socket.poll(5000):
            break
        socket.recv_multipart()
    context.destroy(linger=0)


def collector(reports: str) -> None:
    import zmq

    context = zmq.Context()
    pull = context.socket(zmq.PULL)
    pull.bind(reports)
    while pull.poll(3000):
        note("done", json.loads(pull.recv())["id"])
    context.destroy(linger=0)
