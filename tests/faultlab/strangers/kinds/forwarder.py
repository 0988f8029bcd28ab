"""Publishers reach subscribers by a proxy of XSUB and XPUB: the faulty one sends as soon as it has connected."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT = 60


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    front, back = (f"ipc://{books.file.with_suffix(end)}" for end in (".front", ".back"))
    with books.running("bus", bus, front, back) as broker:
        books.wait("bus", 1)
        with books.running("dashboard", dashboard, back, "temp." if not faulty else "") as board:
            books.wait("subscribed", 1)
            books.run("boiler", boiler, front, faulty)
            books.stage.finish(board)
        books.stop(broker)
    if faulty:
        assert books.count("came") < COUNT
        # The first of them never left, and it is the only one on that connection.
        books.note("must", code="EDA106", least="SUSPECT", where={"service": "boiler"})


def bus(front: str, back: str) -> None:
    import zmq

    from faultlab.strangers.kafka_house import Stop

    stop, context = Stop(), zmq.Context()
    publishers, subscribers = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
    publishers.bind(front)
    subscribers.bind(back)
    threading.Thread(target=pump, args=(publishers, subscribers), daemon=True).start()
    note("bus")
    while not stop.asked:
        time.sleep(0.1)


def pump(publishers: Any, subscribers: Any) -> None:
    import zmq

    zmq.proxy(publishers, subscribers)


def boiler(front: str, faulty: bool) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.connect(front)
    if not faulty:
        time.sleep(0.8)  # "zmq needs some time", says the comment in our house library
    for number in range(COUNT):
        topic = b"temp.flow" if number % 3 else b"pressure.main"
        socket.send_multipart([topic, b"%d" % number])
        note("sent", number, to=front)
        time.sleep(0.002)
    time.sleep(0.3)
    context.destroy(linger=1000)


def dashboard(back: str, prefix: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.connect(back)
    socket.subscribe(prefix.encode())
    time.sleep(0.5)
    note("subscribed")
    while socket.poll(3500):
        _, value = socket.recv_multipart()
        note("came", int(value))
    context.destroy(linger=0)
