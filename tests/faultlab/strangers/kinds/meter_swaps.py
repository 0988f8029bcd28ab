"""A FastStream middleware sends what a handler cannot do to a topic of dead letters that nobody reads; or tries again.

Shown by: the process span of such a message, or the log record in it, has the error, and below it there is a send to
`….dlq` (EDA405). That topic has sends, and nobody's receive (EDA107).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, COUNT, UNKNOWN = "meter-swaps", 30, {4, 12, 23}
log = logging.getLogger("swaps")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.running("meter-swaps", swaps, library, topic, faulty) as service:
        books.run("field-force", field_force, library, topic)
        books.wait("done", COUNT - len(UNKNOWN) if faulty else COUNT)
        if faulty:
            books.wait("aside", len(UNKNOWN))
        # One more, so that whatever is committed is behind the others.
        books.run("field-force", last, library, topic)
        books.wait("done", COUNT + 1 - len(UNKNOWN) if faulty else COUNT + 1)
        books.stop(service)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("may", code="EDA107", where={"within": f"{topic}.dlq"})


def field_force(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"swap-{n}", "meter": n} for n in range(COUNT)])


def last(library: str, topic: str) -> None:
    publish(library, topic, [{"id": "swap-last", "meter": 99}])


class Meters:
    """The meters in stock; in the twin the storekeeper enters a new one in the end."""

    def __init__(self, entered_late: bool) -> None:
        self.entered_late = entered_late
        self.asked: set[int] = set()

    async def swap(self, event: dict[str, Any], record: Any) -> None:
        note("began", event["id"], record, group=GROUP)
        await asyncio.sleep(0.01)
        known = event["meter"] not in UNKNOWN or (self.entered_late and event["meter"] in self.asked)
        self.asked.add(event["meter"])
        if not known:
            note("failed", event["id"], record, group=GROUP)
            raise LookupError(f"no meter {event['meter']}")
        note("done", event["id"], record, group=GROUP)


def setting_aside(topic: str, brokers: list[Any], again: bool) -> Any:
    from faststream import BaseMiddleware

    class SetAside(BaseMiddleware):
        """Goes round each handler of the service."""

        async def consume_scope(self, call_next: Any, msg: Any) -> Any:
            try:
                return await call_next(msg)
            except LookupError as error:
                if again:
                    await asyncio.sleep(0.05)
                    return await call_next(msg)
                log.warning("set aside: %s", error)
                event = await msg.decode()
                await brokers[0].publish(event, f"{topic}.dlq", headers={"reason": str(error)})
                note("aside", event["id"], msg.raw_message, group=GROUP)
                return None

    return SetAside


def swaps(library: str, topic: str, faulty: bool) -> None:
    from faststream import FastStream

    if library == "aiokafka":
        from faststream.kafka import KafkaBroker, KafkaMessage
    else:
        from faststream.confluent import KafkaBroker, KafkaMessage  # type: ignore[assignment]
    brokers: list[Any] = []
    broker, meters = KafkaBroker(kafka(), middlewares=[setting_aside(topic, brokers, not faulty)]), Meters(not faulty)
    brokers.append(broker)

    async def on_swap(event: dict[str, Any], message: KafkaMessage) -> None:
        await meters.swap(event, message.raw_message)

    on_swap.__annotations__ = {"event": dict, "message": KafkaMessage, "return": None}
    broker.subscriber(topic, group_id=GROUP, auto_offset_reset="earliest", auto_commit_interval_ms=200)(on_swap)
    asyncio.run(FastStream(broker).run())
