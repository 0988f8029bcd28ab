"""A depot's board has a circuit breaker that opens when its database fails twice, and never closes; or it tries again.

While the breaker is open, the board takes no duties: it pauses its partition, or cancels its consumer. It should close
when the next duty succeeds, but there is none. The board goes on to serve its page. The twin's breaker closes after two
seconds, and the database is back by then.

Shown by: the board's process spans end while the send spans go on, and the board lives on (EDA504).
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import kafka_house, rabbit_house
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, value
from faultlab.strangers.rabbit_house import connect

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "pika")
GROUP, BEFORE, AFTER = "duty-board", 25, 30
log = logging.getLogger("board")


def play(books: Books, library: str, faulty: bool) -> None:
    place = books.topic(1) if library == "kafka-python" else books.queue()
    program = {"kafka-python": by_kafka_python, "pika": by_pika}[library]
    with books.serving("duty-board", program, place, not faulty):
        books.run("planner", planner, library, place, 0, BEFORE)
        books.wait("opened", 1)
        books.run("planner", planner, library, place, BEFORE, BEFORE + AFTER)
        if not faulty:
            books.wait("done", BEFORE + AFTER)
        time.sleep(4)
    if library == "kafka-python":
        books.close_topic(place, GROUP)
    else:
        books.close_queue(place)
    if faulty:
        where = {"group": GROUP, "destination": place} if library == "kafka-python" else {"within": place}
        books.note("must", code="EDA504", where=where)


def planner(library: str, place: str, first: int, last: int) -> None:
    for number in range(first, last):
        duty = {"id": f"duty-{number}", "depot": number % 3}
        if library == "pika":
            rabbit_house.publish(library, place, [duty])
        else:
            kafka_house.publish(library, place, [duty])
        time.sleep(0.1)


class Breaker:
    """Lets nothing through after two failures, until something succeeds, or some time has passed."""

    def __init__(self, half_opens: bool) -> None:
        self.half_opens = half_opens
        self.failures, self.opened = 0, 0.0

    def failed(self) -> None:
        self.failures += 1
        if self.failures == 2:
            self.opened = time.monotonic()
            log.warning("the breaker is open")
            note("opened")

    def succeeded(self) -> None:
        self.failures = 0

    @property
    def is_open(self) -> bool:
        if self.half_opens and self.failures >= 2 and time.monotonic() - self.opened > 2:
            self.failures = 0
        return self.failures >= 2


class Board:
    """Shows duties from a database that fails for a moment."""

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker
        self.calls = 0

    def show(self, duty: dict[str, Any], message: Any) -> bool:
        """Show it, and say whether that was possible."""
        at = {"group": GROUP} if hasattr(message, "offset") else {}
        note("began", duty["id"], message, **at)
        try:
            self._store()
        except ConnectionError as error:
            log.warning("%s: %s", duty["id"], error)
            self.breaker.failed()
            return False
        self.breaker.succeeded()
        note("done", duty["id"], message, **at)
        return True

    def _store(self) -> None:
        self.calls += 1
        time.sleep(0.02)
        if self.calls in {13, 14}:
            raise ConnectionError("the database does not answer")


def by_kafka_python(topic: str, half_opens: bool) -> None:
    from kafka import TopicPartition

    stop, breaker = Stop(), Breaker(half_opens)
    board, consumer, partition = Board(breaker), kafka_python(topic, GROUP), TopicPartition(topic, 0)
    while not stop.asked:
        if breaker.is_open:
            consumer.pause(partition)
        elif partition in consumer.paused():
            consumer.resume(partition)
        for records in consumer.poll(timeout_ms=300, max_records=1).values():
            for record in records:
                if board.show(value(record), record):
                    consumer.commit()
                else:
                    consumer.seek(partition, record.offset)
    consumer.close()


def by_pika(queue: str, half_opens: bool) -> None:
    stop, breaker, connection = Stop(), Breaker(half_opens), connect()
    board, channel = Board(breaker), connection.channel()
    channel.basic_qos(prefetch_count=1)
    tag: str | None = None

    def on_duty(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        if board.show(json.loads(body), properties):
            ch.basic_ack(method.delivery_tag)
        else:
            ch.basic_nack(method.delivery_tag, requeue=True)

    while not stop.asked:
        if breaker.is_open and tag:
            channel.basic_cancel(tag)
            tag = None
        elif not breaker.is_open and not tag:
            tag = channel.basic_consume(queue, on_duty)
        connection.process_data_events(time_limit=0.3)
    connection.close()
