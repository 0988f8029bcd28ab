"""Triage of claims tries each step three times, then logs that it gives up and returns: hail has no weather; or has.

The decorator `attempts` is what the house has for calls to other companies. It returns None when it gives up, and the
worker commits. The weather service has no station for five claims. The twin's service is slow to wake up: it answers at
the third call, after two errors in the log.

Shown by: the process spans of these claims have the event `eda.process.error_logged` and no error of their own; the
commits are past them (EDA104, a SUSPECT).
"""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

    Step = Callable[["Claim"], Any]

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, HAIL = "claim-triage", 40, {3, 9, 18, 26, 35}
log = logging.getLogger("triage")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    program = {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent}[library]
    with books.serving("claim-triage", program, topic, faulty):
        books.run("claims-portal", portal, library, topic)
        books.wait("done", COUNT - len(HAIL) if faulty else COUNT)
        books.wait("logged", len(HAIL) if faulty else 0)
        time.sleep(1)
    books.close_topic(topic, GROUP)


def portal(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"claim-{n}", "cause": "hail" if n in HAIL else "theft"} for n in range(COUNT)])


def attempts(number: int) -> Callable[[Step], Step]:
    """Call a step so often until it succeeds, or give it up."""

    def decorated(step: Step) -> Step:
        @functools.wraps(step)
        def call(claim: Claim) -> Any:
            for attempt in range(1, number + 1):
                try:
                    return step(claim)
                except OSError:
                    log.exception("%s: attempt %d of %s", claim.name, attempt, step.__name__)
                    time.sleep(0.02 * attempt)
            log.error("%s: giving up %s", claim.name, step.__name__)
            note("logged", claim.name)
            return None

        return call

    return decorated


class Weather:
    """Another company's service."""

    def __init__(self, wakes_up: bool) -> None:
        self.wakes_up = wakes_up
        self.calls: dict[str, int] = {}

    def hail(self, name: str) -> int:
        self.calls[name] = self.calls.get(name, 0) + 1
        if not self.wakes_up or self.calls[name] < 3:
            raise ConnectionError("503 no station")
        return 30


class Claim:
    """One claim, and what is known of it."""

    def __init__(self, fields: dict[str, Any], weather: Weather) -> None:
        self.name: str = fields["id"]
        self.cause: str = fields["cause"]
        self.weather = weather


@attempts(3)
def assess(claim: Claim) -> bool:
    """Say whether an adjuster has to look at it."""
    return claim.cause == "hail" and claim.weather.hail(claim.name) > 20


@attempts(3)
def route(claim: Claim) -> str:
    """Give it to a desk."""
    time.sleep(0.01)
    return "adjuster" if claim.cause == "hail" else "office"


class Worker:
    """Takes a claim through its steps; one that gives nothing ends it."""

    def __init__(self, wakes_up: bool) -> None:
        self.weather = Weather(wakes_up)

    def take(self, message: Any) -> None:
        claim = Claim(value(message), self.weather)
        note("began", claim.name, message, group=GROUP)
        if all(step(claim) is not None for step in (assess, route)):
            note("done", claim.name, message, group=GROUP)
        else:
            note("failed", claim.name, message, group=GROUP)


def by_kafka_python(topic: str, faulty: bool) -> None:
    stop, worker = Stop(), Worker(not faulty)
    consumer = kafka_python(topic, GROUP, consumer_timeout_ms=300)
    while not stop.asked:
        for message in consumer:
            worker.take(message)
            consumer.commit()
            if stop.asked:
                break
    consumer.close()


def by_confluent(topic: str, faulty: bool) -> None:
    stop, worker, consumer = Stop(), Worker(not faulty), confluent(topic, GROUP)
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is not None and not message.error():
            worker.take(message)
            consumer.commit(message, asynchronous=False)
    consumer.close()
