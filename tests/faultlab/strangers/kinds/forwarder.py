"""Publishers reach subscribers by a proxy of XSUB and XPUB, away for a second; the twin's subscriber filters."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT = 60


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    front, back = (f"ipc://{books.file.with_suffix(end)}" for end in (".front", ".back"))
    with (
        ExitStack() as stack,
        books.running("dashboard", dashboard, back, "" if faulty else "temp.") as board,
        books.running("boiler", boiler, front) as source,
    ):
        broker = stack.enter_context(books.running("bus", bus, front, back))
        books.wait("came", 15)
        if faulty:  # a deploy
            books.stop(broker)
            time.sleep(1)
            broker = stack.enter_context(books.running("bus", bus, front, back))
        books.stage.finish(source)
        books.stage.finish(board)
        books.stop(broker)
    if faulty:
        assert books.count("came") < COUNT
        books.note("must", code="EDA106", where={"service": "boiler"})


def bus(front: str, back: str) -> None:
    import zmq

    from faultlab.strangers.kafka_house import Stop

    stop, context = Stop(), zmq.Context()
    publishers, subscribers = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
    publishers.bind(front)
    subscribers.bind(back)
    threading.Thread(target=pump, args=(publishers, subscribers), daemon=True).start()
    while not stop.asked:
        time.sleep(0.1)


def pump(publishers: Any, subscribers: Any) -> None:
    import zmq

    zmq.proxy(publishers, subscribers)


def boiler(front: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.connect(front)
    time.sleep(1.5)  # "zmq needs some time", says the comment in our house library
    for number in range(COUNT):
        topic = b"temp.flow" if number % 3 else b"pressure.main"
        socket.send_multipart([topic, b"%d" % number])
        note("sent", number, to=front)
        time.sleep(0.06)
    time.sleep(0.3)
    context.destroy(linger=1000)


def dashboard(back: str, prefix: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.connect(back)
    socket.subscribe(prefix.encode())
    socket.poll(60_000)  # until there is a boiler
    while socket.poll(5000):
        _, value = socket.recv_multipart()
        note("came", int(value))
    context.destroy(linger=0)
