"""A long video blocks its worker, which misses heartbeats, so that it comes again; or a thread encodes it."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika", "aio-pika")
COUNT, LONG, HEARTBEAT = 12, 5, 1  # the sixth is an opera
log = logging.getLogger("encoder")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("uploads", uploads, library, queue)
    encoder = {"pika": encoder_by_pika, "aio-pika": encoder_by_aio_pika}[library]
    with books.running("encoder", encoder, queue, faulty) as one:
        books.wait("done", LONG + 3 if faulty else COUNT)
        time.sleep(1)
        books.stop(one)
    books.close_queue(queue)
    if faulty:
        books.note("may", code="EDA402", most="LIKELY", where={"service": "encoder"})


def uploads(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"video-{n}", "minutes": 180 if n == LONG else 3} for n in range(COUNT)])


@dataclass(frozen=True)
class Video:
    """A file to encode."""

    id: str
    minutes: int

    def encode(self, message: Any) -> None:
        note("began", self.id, message)
        time.sleep(self.minutes / 30)
        note("done", self.id, message)


def encoder_by_pika(queue: str, faulty: bool) -> None:
    import pika
    from pika.exceptions import AMQPError

    host, port = rabbitmq()
    stop = Stop()

    def serve() -> None:
        connection = pika.BlockingConnection(pika.ConnectionParameters(host, port, heartbeat=HEARTBEAT))
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)

        def in_a_thread(video: Video, properties: Any, tag: int) -> None:
            video.encode(properties)
            connection.add_callback_threadsafe(partial(channel.basic_ack, tag))

        def on_upload(ch: Any, method: Any, properties: Any, body: bytes) -> None:
            video = Video(**json.loads(body))
            if faulty:
                video.encode(properties)
                ch.basic_ack(method.delivery_tag)
            else:
                threading.Thread(target=in_a_thread, args=(video, properties, method.delivery_tag)).start()

        channel.basic_consume(queue, on_upload)
        while not stop.asked:
            connection.process_data_events(0.2)
        connection.close()

    while not stop.asked:
        try:
            serve()
        except AMQPError as error:
            log.warning("lost the broker (%r), connecting again", error)
            time.sleep(0.2)


def encoder_by_aio_pika(queue: str, faulty: bool) -> None:
    async def serve(stopping: asyncio.Event) -> None:
        import aio_pika

        connection = await aio_pika.connect_robust(f"{url()}?heartbeat={HEARTBEAT}", reconnect_interval=0.5)
        async with connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)

            async def on_upload(message: Any) -> None:
                async with message.process():
                    video = Video(**json.loads(message.body))
                    if faulty:
                        video.encode(message)
                    else:
                        await asyncio.to_thread(video.encode, message)

            source = await channel.get_queue(queue)
            await source.consume(on_upload)
            await stopping.wait()

    async def main() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        await serve(stopping)

    asyncio.run(main())
