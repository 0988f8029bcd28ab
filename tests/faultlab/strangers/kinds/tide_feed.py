"""A tide model publishes levels in bursts, and a chart is too slow for its small queue, which drops some; or has room.

What shows it: the context frame numbers what the publisher sends; the chart's process spans have gaps, which are in
`eda.sender.missed` (EDA106). The twin's chart has room, and lies behind its publisher in each burst.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
BURSTS, EACH = 4, 400
ROOM, PAUSE = 25, 1.0


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    feed = f"ipc://{books.file.with_name('tide')}"
    with books.running("tide-chart", chart, feed, faulty) as reader:
        books.wait("ready", 1)
        with books.running("tide-model", model, feed, faulty) as sender:
            books.stage.finish(reader)
            books.stage.finish(sender)
    came, sent = books.count("done"), books.count("sent")
    assert came < sent if faulty else came == sent
    # What the model says when the chart has gone, nobody hears.
    books.note("must" if faulty else "may", code="EDA106", where={"service": "tide-model"})


def model(feed: str, faulty: bool) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.sndhwm = ROOM if faulty else 0
    socket.bind(feed)
    time.sleep(5)  # until charts have subscribed
    for burst in range(BURSTS):
        for number in range(EACH):
            name = f"level-{burst}-{number}"
            note("sent", name, to=feed)
            socket.send_multipart([b"tide.north", json.dumps({"id": name, "cm": number % 90}).encode()])
        time.sleep(PAUSE)
    socket.send_multipart([b"tide.end", b"{}"])
    for _ in range(20):  # until everybody has heard that it is over
        time.sleep(0.5)
        socket.send_multipart([b"tide.end", b"{}"])
    context.destroy(linger=10_000)


def chart(feed: str, faulty: bool) -> None:
    async def main() -> None:
        import zmq
        import zmq.asyncio

        context = zmq.asyncio.Context()
        socket = context.socket(zmq.SUB)
        socket.rcvhwm = ROOM if faulty else 0
        socket.connect(feed)
        socket.subscribe(b"")
        note("ready")
        while True:
            topic, body = await socket.recv_multipart()
            if topic == b"tide.end":
                break
            level = json.loads(body)
            note("began", level["id"])
            time.sleep(0.004)  # drawing is no coroutine
            note("done", level["id"])
        context.destroy(linger=0)

    asyncio.run(main())
