"""A Celery task publishes its event and then books: what is tried again is published again; or it publishes at the end.

The event has an id of its own, made of the coupon's, so that the second try has the same one. Celery's own messages
have no spans; those that the task sends do.

Shown by: two acknowledged send spans with one `messaging.message.id` to one destination, of one process (EDA201).
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from faultlab.strangers import kafka_house, rabbit_house
from faultlab.strangers.books import kafka, rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "pika")
GROUP, COUNT, BUSY = "coupon-mail", 24, {3, 8, 14, 19}
SHOP = uuid.UUID("6f2c1f0a-4b6e-4c58-8d44-5f3f5d1f7a10")


def play(books: Books, library: str, faulty: bool) -> None:
    tasks = f"coupons-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there; Celery declares its own
    by_kafka = library == "confluent-kafka"
    place = books.topic(2) if by_kafka else books.queue()
    books.run("shop", shop, tasks)
    with books.running("coupon-worker", worker, library, tasks, place, faulty) as one:
        books.wait("booked", COUNT)
        books.wait("through", COUNT)
        books.stop(one)
    books.run("coupon-mail", mail, library, place)
    if by_kafka:
        books.close_topic(place, GROUP)
    else:
        books.close_queue(place)
    if faulty:
        # In RabbitMQ, one process may use the id of an order for several messages: SUSPECT is all that is to be had.
        least = "LIKELY" if by_kafka else "SUSPECT"
        books.note("must", code="EDA201", least=least, where={"within": place})


class Wallet:
    """Books coupons; the store behind it is busy now and then, and takes a coupon at the second try."""

    def __init__(self) -> None:
        self.tried: set[int] = set()

    def book(self, coupon: int) -> None:
        if coupon in BUSY and coupon not in self.tried:
            self.tried.add(coupon)
            raise ConnectionError("could not serialize access due to concurrent update")
        note("booked", f"coupon-{coupon}")


def made(tasks: str, publish: Callable[[int], None], faulty: bool) -> tuple[Any, Any]:
    """Give the app, and its task."""
    from celery import Celery

    host, port = rabbitmq()
    app, wallet = Celery("coupons", broker=f"amqp://guest:guest@{host}:{port}//"), Wallet()
    app.conf.update(
        task_default_queue=tasks, task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1
    )

    def issue(coupon: int) -> None:
        if faulty:
            publish(coupon)
            wallet.book(coupon)
        else:
            wallet.book(coupon)
            publish(coupon)
        note("through", f"coupon-{coupon}")

    again = {"autoretry_for": (ConnectionError,), "retry_kwargs": {"max_retries": 5, "countdown": 0.2}}
    return app, app.task(name="coupons.issue", **again)(issue)


def shop(tasks: str) -> None:
    app, issue = made(tasks, lambda _: None, True)
    for coupon in range(COUNT):
        issue.delay(coupon)
    app.close()


def worker(library: str, tasks: str, place: str, faulty: bool) -> None:
    publish = (by_kafka if library == "confluent-kafka" else by_pika)(place)
    app, _ = made(tasks, publish, faulty)
    app.worker_main(["worker", "-P", "solo", "--without-gossip", "--without-mingle", "-l", "INFO"])


def event(coupon: int) -> tuple[str, dict[str, Any]]:
    """Give an event with its id, which is the same whenever the task is tried."""
    return str(uuid.uuid5(SHOP, str(coupon))), {"id": f"coupon-{coupon}", "customer": f"customer-{coupon % 7}"}


def by_kafka(topic: str) -> Callable[[int], None]:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "enable.idempotence": True})

    def publish(coupon: int) -> None:
        name, body = event(coupon)
        note("sent", body["id"], to=topic)
        producer.produce(topic, json.dumps(body), key=body["customer"], headers={"event-id": name})
        producer.flush(30)

    return publish


def by_pika(queue: str) -> Callable[[int], None]:
    import pika

    def publish(coupon: int) -> None:
        name, body = event(coupon)
        connection = connect()
        channel = connection.channel()
        channel.confirm_delivery()
        note("sent", body["id"], to=queue)
        channel.basic_publish("", queue, json.dumps(body).encode(), pika.BasicProperties(message_id=name))
        connection.close()

    return publish


def mail(library: str, place: str) -> None:
    if library == "confluent-kafka":

        def on_event(coupon: dict[str, Any], message: Any) -> None:
            note("began", coupon["id"], message, group=GROUP)
            note("done", coupon["id"], message, group=GROUP)

        kafka_house.work(library, place, GROUP, on_event)
    else:

        def on_message(coupon: dict[str, Any], message: Any) -> str:
            note("began", coupon["id"], message)
            note("done", coupon["id"], message)
            return "ack"

        rabbit_house.work(library, place, on_message, idle=5)
