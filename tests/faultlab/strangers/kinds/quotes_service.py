"""A ROUTER answers each request in a task, and most tasks die of a missing rate unseen; its twin answers those, too.

The request is an argument of the task, so its process span lasts until the task ends, and has the task's error
(EDA401). asyncio logs that nobody asked for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT, QUIET = 40, 3000
log = logging.getLogger("quotes")


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    door = f"ipc://{books.file.with_suffix('.sock')}"
    with books.serving("quotes", quotes, door, faulty):
        books.wait("ready", 1)
        books.run("desk", desk, door)
        books.wait("began", COUNT)
    assert books.count("answered") == (COUNT - books.count("failed") if faulty else COUNT)


class Desk:
    """Asks for quotes, and takes what is answered in time."""

    def __init__(self, socket: Any, door: str) -> None:
        self.socket = socket
        self.door = door

    def ask(self, number: int) -> None:
        note("sent", number, to=self.door)
        currency = "EUR" if number % 3 == 0 else "CHF"
        self.socket.send_json({"id": number, "currency": currency})

    def gather(self) -> None:
        while self.socket.poll(QUIET):
            note("answered", self.socket.recv_json()["id"])


def desk(door: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.connect(door)
    one = Desk(socket, door)
    for number in range(COUNT):
        one.ask(number)
    one.gather()
    context.destroy(linger=1000)


class Quotes:
    """Knows rates; those in francs have been dropped from its feed."""

    def __init__(self, socket: Any, careful: bool) -> None:
        self.socket = socket
        self.careful = careful
        self.rates = {"EUR": 1.0, "USD": 1.08}

    async def answer(self, frames: list[bytes]) -> None:
        who, body = frames
        request = json.loads(body)
        note("began", request["id"])
        await asyncio.sleep(0.01)
        rate = self.rates.get(request["currency"]) if self.careful else self.rate(request)
        await self.socket.send_multipart([who, json.dumps({"id": request["id"], "rate": rate}).encode()])
        note("done", request["id"])

    def rate(self, request: dict[str, Any]) -> float:
        try:
            return self.rates[request["currency"]]
        except KeyError:
            note("failed", request["id"])
            raise


def quotes(door: str, faulty: bool) -> None:
    async def main() -> None:
        import zmq.asyncio

        context = zmq.asyncio.Context()
        socket = context.socket(zmq.ROUTER)
        socket.bind(door)
        service, running = Quotes(socket, not faulty), set()
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)

        async def serve() -> None:
            note("ready")
            while True:
                task = asyncio.create_task(service.answer(await socket.recv_multipart()))
                running.add(task)
                task.add_done_callback(running.discard)

        serving = asyncio.create_task(serve())
        await stopping.wait()
        serving.cancel()
        await asyncio.sleep(0.2)
        context.destroy(linger=1000)

    asyncio.run(main())
