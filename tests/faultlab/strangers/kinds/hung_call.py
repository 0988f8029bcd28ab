"""A partner never answers, and the call has no timeout, until somebody kills the worker; or the answer takes long."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("invoices", invoices, library, queue)
    with books.running("partner-sync", sync, queue, faulty) as worker:
        books.wait("began", 41)
        if faulty:
            time.sleep(14)
            books.kill("partner-sync", worker)
            books.note("must", code="EDA503", where={"service": "partner-sync"})
        else:
            books.wait("done", 45)
            books.stop(worker)
    if faulty:
        with books.running("partner-sync", sync, queue, False) as worker:
            books.wait("done", 45)
            books.stop(worker)
    books.close_queue(queue)


def invoices(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"i-{n}", "lines": 4000 if n == 40 else 3} for n in range(45)])


def partner(hangs: bool) -> int:
    """Start a partner in a thread of its own; gives its port."""
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            caller, _ = door.accept()
            lines = int(caller.recv(16))
            if lines > 1000:
                time.sleep(3600 if hangs else 3)
            caller.sendall(b"ok")
            caller.close()

    threading.Thread(target=serve, daemon=True).start()
    return int(door.getsockname()[1])


def sync(queue: str, hangs: bool) -> None:
    import signal

    port, connection = partner(hangs), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)

    def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        invoice = json.loads(body)
        note("began", invoice["id"], properties)
        with socket.create_connection(("127.0.0.1", port)) as call:
            call.sendall(b"%16d" % invoice["lines"])
            call.recv(2)
        note("done", invoice["id"], properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_message)
    signal.signal(signal.SIGTERM, lambda *_: connection.add_callback_threadsafe(channel.stop_consuming))
    channel.start_consuming()
    connection.close()
