"""A camera pushes frames without waiting: what does not fit is dropped and counted; its twin waits until it fits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
FRAMES = 400


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    address = f"ipc://{books.file.with_suffix('.sock')}"
    with books.running("detector", detector, address) as reader:
        books.wait("ready", 1)
        books.run("camera", camera, address, faulty)
        books.stage.finish(reader)
    if faulty:
        assert books.count("dropped")
        books.note("must", code="EDA106", where={"service": "camera"})
    else:
        books.note("may", code="EDA106", where={"service": "camera"})


def camera(address: str, faulty: bool) -> None:
    import zmq

    context = zmq.Context()
    pipe = context.socket(zmq.PUSH)
    pipe.setsockopt(zmq.SNDHWM, 5)
    pipe.connect(address)
    time.sleep(0.3)
    for number in range(FRAMES):
        frame = b"%08d" % number + bytes(20_000)
        while True:
            try:
                pipe.send(frame, zmq.NOBLOCK)
                note("sent", number, to=address)
                break
            except zmq.Again:
                if faulty:
                    note("dropped", number)
                    break
                pipe.poll(1000, zmq.POLLOUT)
    time.sleep(1)  # what is on its way has come by then
    context.destroy(linger=3000)


def detector(address: str) -> None:
    import zmq

    context = zmq.Context()
    pipe = context.socket(zmq.PULL)
    pipe.setsockopt(zmq.RCVHWM, 5)
    pipe.bind(address)
    note("ready")
    pipe.poll(60_000)  # until the camera is on
    while pipe.poll(5000):
        frame = pipe.recv()
        time.sleep(0.004)
        note("came", int(frame[:8]))
    context.destroy(linger=0)
