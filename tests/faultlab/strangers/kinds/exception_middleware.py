"""A FastStream service has a middleware that logs what handlers raise, so that nothing stops it; or they try again.

The middleware returns, and FastStream acknowledges. The process span has the event `eda.process.error_logged`, and the
record is in the logs: the message is a SUSPECT. That trials fail at all shows in the process spans' errors, if at all.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish
from faultlab.strangers.rabbit_house import publish as publish_by_rabbit
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "aio-pika")
GROUP, COUNT, TRIALS = "entitlements", 24, {3, 9, 17}
log = logging.getLogger("entitlements")


def play(books: Books, library: str, faulty: bool) -> None:
    by_kafka = library == "aiokafka"
    place = books.topic(1) if by_kafka else books.queue()
    service = by_aiokafka if by_kafka else by_aio_pika
    with books.running("entitlements", service, place, faulty) as running:
        books.run("signup", signup, by_kafka, place)
        books.wait("done", COUNT - len(TRIALS) if faulty else COUNT)
        books.stop(running)
    if by_kafka:
        books.close_topic(place, GROUP)
    else:
        books.close_queue(place)


def signup(by_kafka: bool, place: str) -> None:
    plans = ["trial" if n in TRIALS else "pro" for n in range(COUNT)]
    events = [{"id": f"account-{n}", "plan": plan} for n, plan in enumerate(plans)]
    publish("aiokafka", place, events) if by_kafka else publish_by_rabbit("aio-pika", place, events)


class Plans:
    """The limits of each plan; those of the new one are loaded when somebody asks for them, or are forgotten."""

    def __init__(self, forgotten: bool) -> None:
        self.forgotten = forgotten
        self.limits = {"pro": 100, "team": 1000}

    async def grant(self, event: dict[str, Any], message: Any, group: str | None) -> None:
        note("began", event["id"], message, group=group)
        await asyncio.sleep(0.02)
        try:
            granted = self.limits[event["plan"]]
        except KeyError:
            note("failed", event["id"], message, group=group)
            if self.forgotten:
                note("logged", event["id"], message, group=group)  # by the middleware
            else:
                self.limits[event["plan"]] = 5
            raise
        log.debug("%s may have %s", event["id"], granted)
        note("done", event["id"], message, group=group)


def twice(call: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Call again what has failed."""

    @functools.wraps(call)
    async def again(*arguments: Any) -> None:
        try:
            await call(*arguments)
        except KeyError as error:
            log.warning("once more, after %r", error)
            await call(*arguments)

    return again


def never_stop() -> Any:
    """Give the middleware that a team puts into all of its services."""
    from faststream import ExceptionMiddleware

    made = ExceptionMiddleware()

    @made.add_handler(Exception)
    async def swallow(error: Exception) -> None:
        log.error("handler failed: %r", error)

    swallow.__annotations__ = {"error": Exception, "return": None}
    return made


def by_aiokafka(topic: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.kafka import KafkaBroker, KafkaMessage

    plans = Plans(faulty)
    grant = plans.grant if faulty else twice(plans.grant)
    broker = KafkaBroker(kafka(), middlewares=[never_stop()])

    async def on_account(event: dict[str, Any], message: KafkaMessage) -> None:
        await grant(event, message.raw_message, GROUP)

    on_account.__annotations__ = {"event": dict, "message": KafkaMessage, "return": None}
    subscriber = broker.subscriber(
        topic, group_id=GROUP, auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR
    )
    subscriber(on_account)
    asyncio.run(FastStream(broker).run())


def by_aio_pika(queue: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    plans = Plans(faulty)
    grant = plans.grant if faulty else twice(plans.grant)
    broker = RabbitBroker(url(), middlewares=[never_stop()])

    async def on_account(event: dict[str, Any], message: RabbitMessage) -> None:
        await grant(event, message.raw_message, None)

    on_account.__annotations__ = {"event": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True), ack_policy=AckPolicy.NACK_ON_ERROR)(on_account)
    asyncio.run(FastStream(broker).run())
