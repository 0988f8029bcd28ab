"""A FastStream middleware calls a handler again that failed, which has sent its request by then; or has stored first.

The request for a credit report has an id of its own in the header `event-id`, made of the application's number, so that
the second call sends the same id once more, and the bureau charges for two reports. The twin's handler stores the
application before it sends anything, so that a second call sends the only request.

Shown by: two acknowledged send spans with one `messaging.message.id` to one topic, of one process (EDA201).
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, BUREAU, COUNT, BUSY = "mortgage-desk", "credit-bureau", 24, {4, 9, 10, 18}
SPACE = uuid.UUID("2f5f3a0e-3c57-4a43-9c1e-9c0d4ef1a001")
log = logging.getLogger("desk")


def play(books: Books, library: str, faulty: bool) -> None:
    applications, requests = books.topic(1), books.topic(1)
    with books.running("mortgage-desk", desk, library, applications, requests, faulty) as service:
        books.run("website", website, library, applications)
        books.wait("done", COUNT, "mortgage-desk")
        books.stop(service)
    books.run("credit-bureau", bureau, library, requests)
    books.close_topic(applications, GROUP)
    books.close_topic(requests, BUREAU)
    asked = COUNT + len(BUSY) if faulty else COUNT
    assert books.count("charged") == asked, books.count("charged")
    if faulty:
        books.note("must", code="EDA201", where={"within": requests})


def website(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"application-{n}", "sum": 100_000 + 5_000 * n} for n in range(COUNT)])


class Files:
    """The desk's database, which is busy now and then, and takes an application at the second call."""

    def __init__(self) -> None:
        self.tried: set[str] = set()

    async def store(self, application: dict[str, Any]) -> None:
        await asyncio.sleep(0.01)
        name = application["id"]
        if int(name.rpartition("-")[2]) in BUSY and name not in self.tried:
            self.tried.add(name)
            raise ConnectionError("deadlock detected")


class Desk:
    """What is done with an application."""

    def __init__(self, broker: Any, requests: str, sends_first: bool) -> None:
        self.broker, self.requests, self.sends_first = broker, requests, sends_first
        self.files = Files()

    async def ask(self, application: dict[str, Any]) -> None:
        name = application["id"].replace("application", "report")
        note("sent", name, to=self.requests)
        await self.broker.publish(
            {"id": name, "sum": application["sum"]},
            self.requests,
            key=application["id"].encode(),
            headers={"event-id": str(uuid.uuid5(SPACE, name))},
        )

    async def open(self, application: dict[str, Any], record: Any) -> None:
        note("began", application["id"], record, group=GROUP)
        if self.sends_first:
            await self.ask(application)
            await self.files.store(application)
        else:
            await self.files.store(application)
            await self.ask(application)
        note("done", application["id"], record, group=GROUP)


def _broker(library: str) -> tuple[Any, Any]:
    """Give the broker, and the class of its messages."""
    from faststream import BaseMiddleware

    class Again(BaseMiddleware):
        """Calls a handler up to three times, as the team's databases are busy now and then."""

        async def consume_scope(self, call_next: Any, msg: Any) -> Any:
            for attempt in range(1, 3):
                try:
                    return await call_next(msg)
                except ConnectionError as error:
                    log.warning("attempt %d: %s", attempt, error)
                    await asyncio.sleep(0.05)
            return await call_next(msg)

    if library == "aiokafka":
        from faststream.kafka import KafkaBroker, KafkaMessage

        return KafkaBroker(kafka(), middlewares=[Again]), KafkaMessage
    from faststream.confluent import KafkaBroker as ConfluentBroker
    from faststream.confluent import KafkaMessage as ConfluentMessage

    return ConfluentBroker(kafka(), middlewares=[Again]), ConfluentMessage


def desk(library: str, applications: str, requests: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream

    broker, kind = _broker(library)
    one = Desk(broker, requests, faulty)

    async def on_application(application: dict[str, Any], message: Any) -> None:
        await one.open(application, message.raw_message)

    on_application.__annotations__ = {"application": dict, "message": kind, "return": None}
    broker.subscriber(applications, group_id=GROUP, auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR)(
        on_application
    )
    asyncio.run(FastStream(broker).run())


def bureau(library: str, requests: str) -> None:
    def report(request: dict[str, Any], message: Any) -> None:
        note("began", request["id"], message, group=BUREAU)
        note("charged", request["id"])
        note("done", request["id"], message, group=BUREAU)

    work(library, requests, BUREAU, report)
