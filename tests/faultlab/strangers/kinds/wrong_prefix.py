"""A subscriber wants what begins with a word that its publisher has changed, and gets nothing; its twin knows the word.

PUB drops what nobody wants, and says nothing. The sends have spans, and nobody has received from that address (EDA107).
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT = 40


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    door = f"ipc://{books.file.with_suffix('.sock')}"
    with books.running("alarms", alarms, door, "sensor." if faulty else "sensors.") as board:
        books.wait("ready", 1)
        books.run("plant", plant, door)
        if faulty:
            time.sleep(2)
        else:
            books.wait("done", COUNT)
        books.stop(board)
    assert books.count("done") == (0 if faulty else COUNT)
    if faulty:
        books.note("unread", to=door)


def plant(door: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.bind(door)
    time.sleep(4)  # subscribers are there by now
    for number in range(COUNT):
        note("sent", number, to=door)
        socket.send_multipart([b"sensors.boiler", json.dumps({"id": number, "bar": 2.5}).encode()])
        time.sleep(0.02)
        if number % 10 == 0:
            socket.send_multipart([b"heartbeat", b"{}"])
    time.sleep(0.3)
    context.destroy(linger=1000)


def alarms(door: str, prefix: str) -> None:
    import zmq

    stop, context = Stop(), zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.connect(door)
    socket.subscribe(prefix.encode())
    note("ready")
    while not stop.asked:
        if socket.poll(200):
            _, body = socket.recv_multipart()
            reading = json.loads(body)
            note("began", reading["id"])
            note("done", reading["id"])
    context.destroy(linger=0)
