"""An ingest of media logs what it cannot read, and acknowledges in any case; its twin puts such a file back once.

Shown by: the process span of such a file has the event `eda.process.error_logged` and no error, its ack span is there,
and nobody has the file again (EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, PARTIAL = 36, {8, 19, 33}
logger = logging.getLogger("ingest")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("ingest", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, faulty):
        books.wait("ready", 1)
        books.run("cameras", cameras, library, queue)
        books.wait("done", COUNT - len(PARTIAL) if faulty else COUNT)
        books.wait("failed", len(PARTIAL))
        books.wait("settled", COUNT if faulty else COUNT + len(PARTIAL))
    books.close_queue(queue)


def cameras(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"file-{n}", "size": 10 * n + 5} for n in range(COUNT)])


class Ingest:
    """Reads files; some are there only in part when they are told of."""

    def __init__(self, hasty: bool) -> None:
        self.hasty = hasty
        self.sizes: dict[str, int] = {}
        self.partial = {f"file-{number}" for number in PARTIAL}

    def read(self, file: dict[str, Any]) -> None:
        if file["id"] in self.partial:
            raise OSError(f"{file['id']} is shorter than {file['size']} bytes")
        self.sizes[file["id"]] = file["size"]

    def take(self, body: bytes, message: Any) -> bool:
        """Ingest a file, and tell whether it is to be acknowledged."""
        file = json.loads(body)
        note("began", file["id"], message)
        try:
            self.read(file)
        except Exception:
            logger.exception("could not ingest %s", file["id"])
            note("failed", file["id"], message)
            if self.hasty:
                note("logged", file["id"])
            else:
                self.partial.discard(file["id"])  # by then it will be there
            return self.hasty
        note("done", file["id"], message)
        return True


def by_pika(queue: str, faulty: bool) -> None:
    stop, ingest, connection = Stop(), Ingest(faulty), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=3)

    def on_file(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        if ingest.take(body, properties):
            ch.basic_ack(method.delivery_tag)
        else:
            ch.basic_nack(method.delivery_tag)
        note("settled")

    channel.basic_consume(queue, on_file)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(queue: str, faulty: bool) -> None:
    ingest = Ingest(faulty)

    async def on_file(message: Any) -> None:
        await asyncio.sleep(0.005)
        if ingest.take(message.body, message):
            await message.ack()
        else:
            await message.nack()
        note("settled")

    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=3)
            source = await channel.get_queue(queue)
            await source.consume(on_file)
            note("ready")
            await ended.wait()

    asyncio.run(main())
