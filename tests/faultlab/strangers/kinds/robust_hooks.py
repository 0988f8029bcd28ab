"""A worker calls its hooks so that none can hurt another: one fails since a password has changed; or tries again."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("blinker", "pyee")
CLIENT, GROUP, COUNT, CHANGED = "confluent-kafka", "order-mails", 40, 12
log = logging.getLogger("hooks")


class AuthenticationError(Exception):
    """The mail server does not know us."""


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("web-shop", web_shop, topic)
    books.run("order-mails", order_mails, library, topic, faulty)
    books.close_topic(topic, GROUP)


def web_shop(topic: str) -> None:
    publish(CLIENT, topic, [{"id": f"order-{n}", "to": f"customer-{n}@example.org"} for n in range(COUNT)])


class MailServer:
    """Takes mails, if it knows who brings them; it may also want them brought twice."""

    def __init__(self, password_changes: bool) -> None:
        self.changes = password_changes
        self.seen: set[str] = set()
        self.count = 0

    def take(self, order: dict[str, Any], message: Any) -> None:
        note("began", order["id"], message, group=GROUP)
        self.count += 1
        greylisted = order["id"].endswith("7") and order["id"] not in self.seen
        self.seen.add(order["id"])
        if self.count > CHANGED if self.changes else greylisted:
            note("failed", order["id"], message, group=GROUP)
            raise AuthenticationError(535) if self.changes else ConnectionAbortedError("451 try again later")
        note("done", order["id"], message, group=GROUP)


def guarded(hook: Callable[..., None], attempts: int = 1) -> Callable[..., None]:
    """Let no error of a hook out."""

    @functools.wraps(hook)
    def safe(*arguments: Any, **named: Any) -> None:
        for attempt in range(1, attempts + 1):
            try:
                return hook(*arguments, **named)
            except Exception as error:
                if attempt == attempts:
                    note("logged", named["order"]["id"])
                    log.exception("hook %s", hook.__name__)
                else:
                    log.info("hook %s once more: %s", hook.__name__, error)
        return None

    return safe


class Hooks:
    """What is done about an order."""

    def __init__(self, server: MailServer, attempts: int) -> None:
        self.server = server
        self.stock = 1000
        self.all = [guarded(hook, attempts) for hook in (self.reserve, self.mail, self.count)]

    def reserve(self, *_: object, **__: object) -> None:
        self.stock -= 1

    def mail(self, _: object = None, *, order: dict[str, Any], message: Any) -> None:
        self.server.take(order, message)

    def count(self, *_: object, **__: object) -> None:
        log.info("%s left", self.stock)


def order_mails(library: str, topic: str, faulty: bool) -> None:
    hooks = Hooks(MailServer(faulty), 1 if faulty else 2)
    work(CLIENT, topic, GROUP, {"blinker": by_blinker, "pyee": by_pyee}[library](hooks))


def by_blinker(hooks: Hooks) -> Callable[[dict[str, Any], Any], None]:
    from blinker import Namespace

    received = Namespace().signal("order-received")
    for hook in hooks.all:
        received.connect(hook)

    def handle(order: dict[str, Any], message: Any) -> None:
        received.send("kafka", order=order, message=message)

    return handle


def by_pyee(hooks: Hooks) -> Callable[[dict[str, Any], Any], None]:
    from pyee.base import EventEmitter

    events = EventEmitter()
    for hook in hooks.all:
        events.on("order-received", hook)

    def handle(order: dict[str, Any], message: Any) -> None:
        events.emit("order-received", order=order, message=message)

    return handle
