"""A tunnel's control room starts a task for each reading: those of one firmware fail, and nobody asks; or none does.

The readings come by PUSH and PULL, in an event loop. A task that fails keeps its error to itself. The twin's tasks know
both firmwares, and one reading is tried twice.

Shown by: the process spans of such readings have the task's error, and the duration in the metrics has its `error.type`
(EDA401).
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT = 80


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    door = f"ipc://{books.file.with_name('tunnel')}"
    with books.serving("control-room", room, door, faulty):
        books.wait("ready", 1)
        books.run("sensors", sensors, door)
        books.wait("done", COUNT * 3 // 4 if faulty else COUNT)
        books.wait("failed", COUNT // 4 if faulty else 1)
        time.sleep(1)
    if faulty:
        books.note("must", code="EDA401", where={"service": "control-room"})
        books.note("may", code="EDA104", most="LIKELY", where={})


def sensors(door: str) -> None:
    import zmq

    context = zmq.Context()
    out = context.socket(zmq.PUSH)
    out.connect(door)
    for number in range(COUNT):
        reading = {"id": f"reading-{number}", "co": {"ppm": 0.5} if number % 4 == 3 else 0.5}
        note("sent", reading["id"], to=door)
        out.send(json.dumps(reading).encode())
        time.sleep(0.02)
    out.close(linger=30_000)
    context.term()


class Tunnel:
    """What is known of the air."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.sum = 0.0
        self.tried: set[str] = set()

    async def add(self, body: bytes) -> None:
        reading = json.loads(body)
        note("began", reading["id"])
        await asyncio.sleep(0.01)
        co = reading["co"]
        if not self.strict and isinstance(co, dict):
            co = co["ppm"]
        if isinstance(co, dict):
            note("failed", reading["id"])
        self.sum = self.sum + co
        note("done", reading["id"])

    async def add_twice(self, body: bytes) -> None:
        """Add it, and once more if the first try was too early."""
        reading = json.loads(body)
        if reading["id"] == "reading-10" and not self.tried:
            self.tried.add(reading["id"])
            note("failed", reading["id"])
            await asyncio.sleep(0.05)
        await self.add(body)


def room(door: str, faulty: bool) -> None:
    async def main() -> None:
        import zmq.asyncio

        ended, tunnel, tasks = asyncio.Event(), Tunnel(strict=faulty), set()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        context = zmq.asyncio.Context()
        socket = context.socket(zmq.PULL)
        socket.bind(door)
        note("ready")

        async def receive() -> None:
            while True:
                body = await socket.recv()
                task: Any = asyncio.create_task(tunnel.add(body) if faulty else tunnel.add_twice(body))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        receiving = asyncio.create_task(receive())
        await ended.wait()
        receiving.cancel()
        context.destroy(linger=0)

    asyncio.run(main())
