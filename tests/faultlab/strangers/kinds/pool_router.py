"""A home-made framework on pika runs handlers by an event's type in a pool; one type's handler fails for good, or once.

What shows it: the process span of such a message has the error of the call in the pool, and the message is refused and
not put back (the span `nack`, `eda.settle.requeue` false); the worker itself declares the queue, without dead letters.
"""

from __future__ import annotations

import functools
import json
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

    Handler = Callable[[dict[str, Any], Any], None]

LIBRARIES = ("pika",)
TYPES = ("invoice.created", "invoice.paid", "invoice.paid", "invoice.reminded", "invoice.cancelled")
COUNT, THREADS = 40, 4


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("documents", documents, queue, faulty):
        books.run("accounts", accounts, queue)
        books.wait("done", COUNT - COUNT // 5 if faulty else COUNT)
        books.wait("failed", COUNT // 5)
    books.close_queue(queue)


def accounts(queue: str) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.queue_declare(queue, durable=True)
    channel.confirm_delivery()
    for number in range(COUNT):
        event = {"id": f"invoice-{number}", "type": TYPES[number % len(TYPES)]}
        note("sent", event["id"], to=queue)
        properties = pika.BasicProperties(type=event["type"], delivery_mode=2)
        channel.basic_publish("", queue, json.dumps(event).encode(), properties)
    connection.close()


class Router:
    """Knows the handler of each type of event, and runs them in threads."""

    def __init__(self, queue: str, threads: int) -> None:
        self.queue = queue
        self.handlers: dict[str, Handler] = {}
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="handler")
        self.connection = connect()
        self.channel = self.connection.channel()
        self.channel.queue_declare(queue, durable=True)
        self.channel.basic_qos(prefetch_count=2 * threads)

    def on(self, *types: str) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.handlers.update(dict.fromkeys(types, handler))
            return handler

        return register

    def run(self) -> None:
        stop = Stop()
        self.channel.basic_consume(self.queue, self._on_message)
        while not stop.asked:
            self.connection.process_data_events(time_limit=0.1)
        self.pool.shutdown()
        self.connection.process_data_events(time_limit=0)
        self.connection.close()

    def _on_message(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        future = self.pool.submit(self.handlers[properties.type], json.loads(body), properties)
        future.add_done_callback(functools.partial(self._finished, method))

    def _finished(self, method: Any, future: Future[None]) -> None:
        # The channel is of one thread only.
        self.connection.add_callback_threadsafe(functools.partial(self._settle, method, future.exception()))

    def _settle(self, method: Any, error: BaseException | None) -> None:
        if error is None:
            self.channel.basic_ack(method.delivery_tag)
        else:
            again = isinstance(error, TimeoutError) and not method.redelivered
            self.channel.basic_nack(method.delivery_tag, requeue=again)


def documents(queue: str, faulty: bool) -> None:
    router = Router(queue, THREADS)
    asked: set[str] = set()

    @router.on("invoice.created", "invoice.paid", "invoice.reminded")
    def write(event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message)
        note("done", event["id"], message)

    @router.on("invoice.cancelled")
    def cancel(event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message)
        if faulty:
            note("failed", event["id"], message)
            raise KeyError(event["type"])  # there is no template of that name
        if event["id"] not in asked:
            asked.add(event["id"])
            note("failed", event["id"], message)
            raise TimeoutError("templates.example")
        note("done", event["id"], message)

    router.run()
