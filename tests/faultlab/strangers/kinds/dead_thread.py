"""The thread that collects readings dies of one, and its process goes on; the twin takes what is not a number."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT = 200


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    door = f"ipc://{books.file.with_suffix('.sock')}"
    with books.serving("collector", collector, door, faulty):
        books.wait("ready", 1)
        books.run("sensors", sensors, door)
        time.sleep(1)
    if faulty:
        assert books.count("done") < COUNT / 2
        books.note("must", code="EDA106", where={"service": "sensors"})
        books.note("may", code="EDA104", where={})
        books.note("may", code="EDA703", where={"service": "collector"})
    else:
        assert books.count("done") == COUNT


def sensors(door: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.connect(door)
    for number in range(COUNT):
        note("sent", number, to=door)
        socket.send_json({"id": number, "celsius": "n/a" if number == 60 else "21.5"})
        time.sleep(0.01)
    context.destroy(linger=1000)


class Collector(threading.Thread):
    """Averages what sensors measure."""

    def __init__(self, socket: Any, strict: bool) -> None:
        super().__init__(name="collector", daemon=True)
        self.socket = socket
        self.strict = strict
        self.values: list[float] = []
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            if self.socket.poll(100):
                self.add(self.socket.recv_json())

    def add(self, reading: Any) -> None:
        note("began", reading["id"])
        if self.strict or reading["celsius"] != "n/a":
            self.values.append(float(reading["celsius"]))
        else:
            self.values.append(math.nan)
        note("done", reading["id"])

    def stop(self) -> None:
        self.stopping = True
        self.join()


@contextmanager
def bound(door: str) -> Iterator[Any]:
    """Have a socket to pull from."""
    import zmq

    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        socket.bind(door)
        yield socket


def collector(door: str, faulty: bool) -> None:
    stop = Stop()
    with bound(door) as socket:
        thread = Collector(socket, strict=faulty)
        thread.start()
        note("ready")
        while not stop.asked:
            time.sleep(0.2)  # here it would answer for its health
        thread.stop()
