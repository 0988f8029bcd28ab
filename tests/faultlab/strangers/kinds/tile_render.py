"""One of two workers of a renderer is killed: the tiles that its socket had received already are gone with it.

The twin's worker is killed, too, when it has nothing to do. Shown by: the sender's spans have numbers
(`eda.sender.sequence`), of which later ones arrived, and some are on no process span of any worker (EDA106).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
FIRST, MORE = 60, 30


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    door = f"ipc://{books.file.with_suffix('.sock')}"
    with (
        books.running("scene", scene, door) as sender,
        books.running("render", render, door, 0) as fast,
        books.running("render", render, door, 15 if faulty else 0) as slow,
    ):
        books.wait("ready", 2)
        books.note("go")
        books.file.with_suffix(".go").touch()
        books.wait("first", 1)
        if faulty:
            books.wait("stuck", 1)
        time.sleep(4)
        books.kill("render", slow)
        books.file.with_suffix(".more").touch()
        books.stage.finish(sender)
        books.stage.finish(fast)
    came = books.count("came")
    if faulty:
        assert came < FIRST + MORE - 5
        books.note("must", code="EDA106", where={"service": "scene"})
        books.note("may", code="EDA503", where={"service": "render"})
    else:
        assert came == FIRST + MORE
    books.note("may", code="EDA501", where={})


def scene(door: str) -> None:
    from pathlib import Path

    import zmq

    context = zmq.Context()
    push = context.socket(zmq.PUSH)
    push.bind(door)
    base = Path(door.removeprefix("ipc://"))
    while not base.with_suffix(".go").exists():
        time.sleep(0.1)
    time.sleep(1)  # both have connected
    for number in range(FIRST):
        note("sent", number, to=door)
        push.send(b"%d" % number)
    note("first")
    while not base.with_suffix(".more").exists():
        time.sleep(0.1)
    for number in range(FIRST, FIRST + MORE):
        note("sent", number, to=door)
        push.send(b"%d" % number)
    time.sleep(3)
    context.destroy(linger=3000)


def render(door: str, stuck_at: int) -> None:
    import zmq

    context = zmq.Context()
    pull = context.socket(zmq.PULL)
    pull.connect(door)
    note("ready")
    count = 0
    while pull.poll(60_000 if count == 0 else 30_000):
        number = int(pull.recv())
        count += 1
        if count == stuck_at:
            note("stuck", number)
            time.sleep(300)  # its driver hangs
        time.sleep(0.005)
        note("came", number)
    context.destroy(linger=0)
