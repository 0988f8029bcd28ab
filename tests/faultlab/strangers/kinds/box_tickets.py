"""A box office issues a ticket as an event, then mails it: the mail fails, the booking is tried again, and so is both.

Its twin mails first, and the second attempt issues. Shown by: the process span of the booking has an error, and another
one follows; below each is a send span to the topic of tickets with the same `messaging.message.id` (the header
`ce_id`), both acknowledged, at two offsets (EDA201).
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
COUNT, BOUNCED = 24, {6, 15}
log = logging.getLogger("box-office")


def play(books: Books, library: str, faulty: bool) -> None:
    bookings, tickets = books.topic(1), books.topic(1)
    with (
        books.serving("box-office", box_office, bookings, tickets, faulty),
        books.serving("turnstile", turnstile, tickets),
    ):
        books.run("web", web, library, bookings)
        books.wait("done", COUNT, "box-office")
        books.wait("done", COUNT + (len(BOUNCED) if faulty else 0), "turnstile")
        time.sleep(2)
    books.close_topic(bookings, "box-office")
    books.close_topic(tickets, "turnstile")
    if faulty:
        books.note("must", code="EDA201", where={"destination": tickets})


def web(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"booking-{n}", "seat": n} for n in range(COUNT)])


class MailError(Exception):
    """The mail server did not take it, for now."""


class BoxOffice:
    """Issues and mails tickets."""

    def __init__(self, topic: str, hasty: bool) -> None:
        from confluent_kafka import Producer

        self.topic, self.hasty = topic, hasty
        self.producer = Producer({"bootstrap.servers": kafka(), "enable.idempotence": True})
        self.bounced = {f"booking-{number}" for number in BOUNCED}

    def issue(self, name: str, _: Any) -> None:
        ticket = name.replace("booking", "ticket")
        note("sent", ticket, to=self.topic)
        body = json.dumps({"id": ticket})
        self.producer.produce(self.topic, body, key=ticket, headers=[("ce_id", ticket.encode())])
        self.producer.flush(30)

    def mail(self, name: str, message: Any) -> None:
        if name in self.bounced:
            self.bounced.discard(name)
            note("failed", name, message, group="box-office")
            raise MailError(name)

    def book(self, message: Any) -> None:
        name = value(message)["id"]
        note("began", name, message, group="box-office")
        steps = (self.issue, self.mail) if self.hasty else (self.mail, self.issue)
        for step in steps:
            step(name, message)
        note("done", name, message, group="box-office")


def consumer_of(topic: str, group: str) -> Any:
    from confluent_kafka import Consumer

    config = {"bootstrap.servers": kafka(), "group.id": group, "auto.offset.reset": "earliest"}
    consumer = Consumer({**config, "enable.auto.commit": False})
    consumer.subscribe([topic])
    return consumer


def box_office(bookings: str, tickets: str, faulty: bool) -> None:
    from confluent_kafka import TopicPartition

    stop, office, consumer = Stop(), BoxOffice(tickets, faulty), consumer_of(bookings, "box-office")
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is None or message.error():
            continue
        try:
            office.book(message)
        except MailError as error:
            log.warning("again: %r", error)
            consumer.seek(TopicPartition(message.topic(), message.partition(), message.offset()))
            continue
        consumer.commit(message=message, asynchronous=False)
    consumer.close()


def turnstile(topic: str) -> None:
    stop, consumer = Stop(), consumer_of(topic, "turnstile")
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is not None and not message.error():
            ticket = value(message)
            note("began", ticket["id"], message, group="turnstile")
            note("done", ticket["id"], message, group="turnstile")
            consumer.commit(message=message, asynchronous=False)
    consumer.close()
