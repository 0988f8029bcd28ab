"""Three replicas are restarted one by one: without a goodbye, so that they repeat their last batch; or in order."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP = "recommender"
REPLICAS = 3


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(3)
    with ExitStack() as stack:
        old = [stack.enter_context(books.running("recommender", recommend, topic, faulty)) for _ in range(REPLICAS)]
        books.wait("up", REPLICAS)
        time.sleep(4)
        with books.running("views", views, library, topic) as sending:
            for replica in old:
                time.sleep(1.5)
                stack.enter_context(books.running("recommender", recommend, topic, False))
                books.stop(replica)
            books.stage.finish(sending)
        time.sleep(10)
    books.close_topic(topic, GROUP)


def views(library: str, topic: str) -> None:
    for part in range(12):
        publish(library, topic, [{"id": f"view-{part}-{n}", "user": n} for n in range(12)], "user")
        time.sleep(0.8)


def recommend(topic: str, rude: bool) -> None:
    stop, consumer, since = Stop(), confluent(topic, GROUP), 0
    note("up")
    while not stop.asked:
        message = consumer.poll(0.2)
        if message is None or message.error():
            continue
        view = value(message)
        note("began", view["id"], message, group=GROUP)
        time.sleep(0.02)
        note("done", view["id"], message, group=GROUP)
        since += 1
        if not rude or since % 10 == 0:
            consumer.commit(message, asynchronous=False)
    if rude:
        time.sleep(0.5)
        os._exit(0)  # since the shutdown hung so often
    consumer.close()
