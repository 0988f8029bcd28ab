"""An operator's tool sends dead letters back to work: each time all that there are, so that some are done twice.

In the twin the tool goes on where it stopped. What shows it: the sends of two runs have the same `messaging.message.id`
(the header `event-id`) and the same destination, and both were handled without an error. The dead letters themselves
are sends to a topic with `.dead` at its end.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faultlab.strangers.books import Books

    Send = Callable[[str, bytes, str, dict[str, str]], None]

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP, DESK = "loyalty", "replay-desk"
QUIET = 12.0  # seconds without a message
PATIENT: dict[str, Any] = {"session.timeout.ms": 20_000}


def play(books: Books, library: str, faulty: bool) -> None:
    purchases = books.topic(1)
    dead = purchases + ".dead"
    for round_ in range(2):
        books.run("shop", shop, library, purchases, round_)
        books.run("loyalty", loyalty, library, purchases, dead, True, faulty)  # the partner is away
        books.run("replay-desk", replay, library, dead, purchases, faulty)
        books.run("loyalty", loyalty, library, purchases, dead, False, faulty)
    books.close_topic(purchases, GROUP)
    lines = diary.read(books.file)
    again = [line["event"] for line in lines if line["what"] == "replayed"]
    twice = sorted({event for event in again if again.count(event) > 1})
    assert bool(twice) is faulty
    if faulty:
        books.note("must", code="EDA201", where={"destination": purchases}, of=twice[0])
    books.note("archive", to=dead)  # the faulty tool reads without a group


def sender(library: str) -> tuple[Send, Callable[[], object]]:
    """Give what sends a message and waits for the broker, and what closes it."""
    if library == "confluent-kafka":
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": kafka()})

        def produce(topic: str, body: bytes, key: str, headers: dict[str, str]) -> None:
            producer.produce(topic, body, key=key, headers=dict(headers))
            assert producer.flush(30) == 0

        return produce, lambda: producer.flush(30)
    from kafka import KafkaProducer

    made = KafkaProducer(bootstrap_servers=kafka())

    def send(topic: str, body: bytes, key: str, headers: dict[str, str]) -> None:
        made.send(topic, body, key.encode(), headers=[(name, text.encode()) for name, text in headers.items()]).get(30)

    return send, made.close


def shop(library: str, topic: str, round_: int) -> None:
    send, close = sender(library)
    for number in range(12):
        name = f"purchase-{round_}-{number}"
        note("sent", name, to=topic)
        body = json.dumps({"id": name, "customer": number % 5, "points": 10}).encode()
        send(topic, body, f"customer-{number % 5}", {"event-id": name})
    close()


class Points:
    """Credits points at a partner, who is away at times."""

    def __init__(self, send: Send, dead: str, away: bool, faulty: bool) -> None:
        self.send, self.dead, self.away, self.faulty = send, dead, away, faulty

    def credit(self, message: Any) -> None:
        purchase = value(message)
        note("began", purchase["id"], message, group=GROUP)
        try:
            if self.away and purchase["customer"] in {1, 3}:
                raise ConnectionError("the partner does not answer")
        except ConnectionError as error:
            note("failed", purchase["id"], message, group=GROUP)
            note("aside" if self.faulty else "retired", purchase["id"], message, group=GROUP)
            if not self.faulty:
                at = diary.where(message)
                note("may", code="EDA405", most="CONFIRMED", where={**at, "group": GROUP})
            headers = {"event-id": purchase["id"], "error": str(error)}
            self.send(self.dead, json.dumps(purchase).encode(), f"customer-{purchase['customer']}", headers)
        else:
            note("done", purchase["id"], message, group=GROUP)


def loyalty(library: str, topic: str, dead: str, away: bool, faulty: bool) -> None:
    send, close = sender(library)
    points = Points(send, dead, away, faulty)
    for consumer, message in reading(library, topic, GROUP):
        points.credit(message)
        if library == "confluent-kafka":
            consumer.commit(message, asynchronous=False)
        else:
            consumer.commit()
    close()


def reading(library: str, topic: str, group: str | None) -> Iterator[tuple[Any, Any]]:
    """Give the consumer with each message, until none has come for a while."""
    stop = Stop()
    if library == "confluent-kafka":
        consumer = confluent(topic, group or "nobody-in-particular", **PATIENT)
        while not stop.asked and (message := consumer.poll(QUIET)) is not None:
            if message.error() is None:
                yield consumer, message
    else:
        more = {"session_timeout_ms": 20_000} if group else {}
        consumer = kafka_python(topic, group, consumer_timeout_ms=QUIET * 1000, **more)  # type: ignore[arg-type]
        for message in consumer:
            yield consumer, message
    consumer.close()


def replay(library: str, dead: str, topic: str, faulty: bool) -> None:
    send, close = sender(library)
    reader = ("nobody-in-particular" if library == "confluent-kafka" else None) if faulty else DESK
    for consumer, message in reading(library, dead, None if faulty else DESK):
        purchase = value(message)
        note("began", f"dead-{purchase['id']}", message, group=reader)
        send(topic, json.dumps(purchase).encode(), f"customer-{purchase['customer']}", {"event-id": purchase["id"]})
        note("replayed", purchase["id"])
        note("done", f"dead-{purchase['id']}", message, group=reader, meant=library == "kafka-python")
        if faulty:
            continue
        if library == "confluent-kafka":
            consumer.commit(message, asynchronous=False)
        else:
            consumer.commit()
    close()
