"""The house library of a team on RabbitMQ: publish and work, over each of two clients."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

from .books import rabbitmq
from .diary import note
from .kafka_house import finished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    # Says what to do with the message: `ack`, `reject`, `requeue`.
    Handler = Callable[[dict[str, Any], Any], str]

LIBRARIES = ("pika", "aio-pika")
IDLE = 2.0  # seconds without a message, after which a job has done its work


def publish(library: str, queue: str, events: Iterable[dict[str, Any]], **properties: Any) -> None:
    """Publish events to a queue, each confirmed."""
    {"pika": _publish, "aio-pika": _apublish}[library](queue, list(events), properties)


def connect() -> Any:
    """Connect by pika."""
    import pika

    host, port = rabbitmq()
    return pika.BlockingConnection(pika.ConnectionParameters(host, port))


def url() -> str:
    """Give the broker's URL, as aio-pika wants it."""
    host, port = rabbitmq()
    return f"amqp://guest:guest@{host}:{port}/"


def _publish(queue: str, events: list[dict[str, Any]], properties: dict[str, Any]) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for event in events:
        note("sent", event["id"], to=queue)
        props = pika.BasicProperties(content_type="application/json", delivery_mode=2, **properties)
        channel.basic_publish("", queue, json.dumps(event).encode(), props)
    connection.close()


def _apublish(queue: str, events: list[dict[str, Any]], properties: dict[str, Any]) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            for event in events:
                note("sent", event["id"], to=queue)
                message = aio_pika.Message(json.dumps(event).encode(), content_type="application/json", **properties)
                await channel.default_exchange.publish(message, routing_key=queue)

    finished(main())


def work(
    library: str, queue: str, handle: Handler, prefetch: int = 5, auto: bool = False, *, idle: float = IDLE
) -> None:
    """Handle the messages of a queue until none comes; with `auto` the broker takes each for done when it sends it."""
    {"pika": _consume, "aio-pika": _aconsume}[library](queue, handle, prefetch, auto, idle)


def _consume(queue: str, handle: Handler, prefetch: int, auto: bool, idle: float) -> None:
    connection = connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=prefetch)
    last = connection.call_later(idle, channel.stop_consuming)

    def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        nonlocal last
        connection.remove_timeout(last)
        verdict = handle(json.loads(body), properties)
        if not auto:
            _settle(ch, method.delivery_tag, verdict)
        last = connection.call_later(idle, channel.stop_consuming)

    channel.basic_consume(queue, on_message, auto_ack=auto)
    signal.signal(signal.SIGTERM, lambda *_: connection.add_callback_threadsafe(channel.stop_consuming))
    channel.start_consuming()
    connection.close()


def _settle(channel: Any, tag: int, verdict: str) -> None:
    if verdict == "ack":
        channel.basic_ack(tag)
    elif verdict == "reject":
        channel.basic_reject(tag, requeue=False)
    else:
        channel.basic_nack(tag, requeue=True)


def _aconsume(queue: str, handle: Handler, prefetch: int, auto: bool, idle: float) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=prefetch)
            source = await channel.get_queue(queue)
            try:
                async with source.iterator(timeout=idle, no_ack=auto) as messages:
                    async for message in messages:
                        verdict = handle(json.loads(message.body), message)
                        if not auto:
                            await _asettle(message, verdict)
            except asyncio.TimeoutError:
                pass

    asyncio.run(main())


async def _asettle(message: Any, verdict: str) -> None:
    if verdict == "ack":
        await message.ack()
    else:
        await message.reject(requeue=verdict == "requeue")
