"""A caller asks once more by the same key when no answer came, and the server pays twice; its twin knows the key.

What shows it: two send spans with one `messaging.message.id` to the queue of the calls, both taken, each with a process
span that succeeded. Whether the server knows the key, no telemetry shows; so no more than a SUSPECT is asked for.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
CALLS, ABROAD, PATIENCE = 20, {4, 13}, 0.5


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("payouts", payouts, queue, faulty):
        books.run("marketplace", marketplace, queue)
        books.wait("answered", CALLS + books.count("again"))
    books.close_queue(queue)
    if faulty:
        assert books.count("again") > 0
        books.note("must", code="EDA201", least="SUSPECT", where={"within": queue})
    books.note("may", code="EDA201", most="CONFIRMED", where={"within": queue})
    books.note("may", code="EDA502", where={"service": "payouts"})  # what goes abroad takes long


class Client:
    """Calls and waits for the answer, in a queue of its own."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.connection = connect()
        self.channel = self.connection.channel()
        self.answers = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.basic_consume(self.answers, self._on_answer, auto_ack=True)
        self.answered: set[str] = set()

    def _on_answer(self, _: Any, __: Any, properties: Any, ___: bytes) -> None:
        self.answered.add(properties.correlation_id)

    def call(self, request: dict[str, Any], attempts: int = 3) -> None:
        import pika

        for attempt in range(attempts):
            if attempt:
                note("again", request["id"])
            name = str(uuid.uuid4())
            properties = pika.BasicProperties(reply_to=self.answers, correlation_id=name, message_id=request["id"])
            self.channel.basic_publish("", self.queue, json.dumps(request).encode(), properties)
            if self.wait(name, PATIENCE if attempt < attempts - 1 else 60):
                return
        raise TimeoutError(request["id"])

    def wait(self, name: str, patience: float) -> bool:
        end = time.monotonic() + patience
        while name not in self.answered and time.monotonic() < end:
            self.connection.process_data_events(time_limit=0.05)
        return name in self.answered

    def close(self) -> None:
        end = time.monotonic() + 2  # late answers
        while time.monotonic() < end:
            self.connection.process_data_events(time_limit=0.1)
        self.connection.close()


def marketplace(queue: str) -> None:
    client = Client(queue)
    for number in range(CALLS):
        client.call({"id": f"payout-{number}", "abroad": number in ABROAD})
    client.close()


def payouts(queue: str, faulty: bool) -> None:
    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    paid: set[str] = set()

    def on_call(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        import pika

        call = json.loads(body)
        note("began", call["id"], properties)
        if faulty or properties.message_id not in paid:
            time.sleep(0.7 if call["abroad"] else 0.01)
            paid.add(properties.message_id)
            note("done", call["id"], properties)
        else:
            note("filtered", call["id"], properties)
        answer = pika.BasicProperties(correlation_id=properties.correlation_id)
        ch.basic_publish("", properties.reply_to, b"paid", answer)
        ch.basic_ack(method.delivery_tag)
        note("answered", call["id"])

    channel.basic_consume(queue, on_call)
    while not stop.asked:
        connection.process_data_events(time_limit=0.1)
    connection.close()
