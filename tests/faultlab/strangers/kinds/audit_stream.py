"""A reader of a stream keeps its place for every tenth entry only, and is killed; its twin begins anew on purpose."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)


def play(books: Books, library: str, faulty: bool) -> None:
    stream, place = books.queue(queue_type="stream"), str(books.file.with_suffix(".offset"))
    books.run("access", access, library, stream)
    if faulty:
        books.run("audit", audit, stream, place, 27, status=KILLED)
        books.run("audit", audit, stream, place, 0)
    else:
        for _ in range(2):
            books.run("audit", rebuild, stream)


def access(library: str, stream: str) -> None:
    publish(library, stream, [{"id": f"login-{n}", "user": n % 9} for n in range(45)])


def entries(stream: str, start: Any) -> Any:
    connection = connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=10)
    arguments = {"x-stream-offset": start}
    for method, properties, body in channel.consume(stream, arguments=arguments, inactivity_timeout=2.5):
        if method is None:
            break
        yield json.loads(body), properties
        channel.basic_ack(method.delivery_tag)
    channel.cancel()
    connection.close()


def audit(stream: str, place: str, dies_at: int) -> None:
    file = Path(place)
    start = int(file.read_text("utf-8")) + 1 if file.exists() else "first"
    for count, (entry, properties) in enumerate(entries(stream, start), 1):
        note("began", entry["id"], properties)
        note("done", entry["id"], properties)  # a mail to the user
        if count % 10 == 0:
            file.write_text(str(properties.headers["x-stream-offset"]), "utf-8")
        if count == dies_at:
            time.sleep(1.5)
            os.kill(os.getpid(), signal.SIGKILL)


def rebuild(stream: str) -> None:
    logins: dict[int, int] = {}
    for entry, properties in entries(stream, "first"):
        note("began", entry["id"], properties)
        logins[entry["user"]] = logins.get(entry["user"], 0) + 1
        note("done", entry["id"], properties, meant=True)
