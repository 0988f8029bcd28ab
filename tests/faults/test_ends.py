"""The process ends in the middle of a loop's body: by a signal, `sys.exit`, an exception, or beneath a thread."""

from __future__ import annotations

import signal
import uuid
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from support.programs import BARE, launched, running
from support.waiting import until

from faults.conftest import PROGRAMS

if TYPE_CHECKING:
    from brokers.kafka import Kafka
    from brokers.spans import Span
    from conftest import Topics
    from support.programs import Outcome, Received, Way

FIVE = 5
WAIT = 60.0  # seconds
ABANDONED = "eda.process.abandoned"
# How it ends, the signal for that, the exit status, and whether anybody was left to report the third message.
ENDS = [
    pytest.param("killed", signal.SIGKILL, -signal.SIGKILL, False, id="SIGKILL"),
    pytest.param("terminated", signal.SIGTERM, -signal.SIGTERM, False, id="SIGTERM"),
    pytest.param("handled", signal.SIGTERM, 143, True, id="SIGTERM, handled"),
    pytest.param("exit", None, 5, True, id="sys.exit"),
    pytest.param("raise", None, 1, True, id="exception"),
    pytest.param("thread", None, 0, True, id="beneath a thread"),
]


def fill(kafka: Kafka, topic: str) -> str:
    producer = Producer({"bootstrap.servers": kafka.address})
    for number in range(FIVE):
        producer.produce(topic, str(number))
    assert producer.flush(WAIT) == 0
    return topic


def committed(kafka: Kafka, topic: str) -> int:
    """Give what the group of the topic's name has committed."""
    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": topic, "client.id": uuid.uuid4().hex})
    try:
        (found,) = consumer.committed([TopicPartition(topic, 0)], timeout=WAIT)
        return found.offset
    finally:
        consumer.close()


def work(way: Way, kafka: Kafka, topic: str, *, how: str, number: signal.Signals | None, received: Received) -> Outcome:
    with running(way, PROGRAMS / "worker.py", kafka.address, topic, how) as program:
        if number or how == "thread":
            program.wait_for("in the body")
            if way is not BARE:
                until(lambda: len(received.of("settle")) == 2, "what came before to be exported")
            program.signal(number) if number else program.go_on()
        return program.finish()


@pytest.mark.parametrize(("how", "number", "status", "reported"), ENDS)
def test_it_ends_as_without_us(
    *,
    kafka: Kafka,
    topics: Topics,
    endpoint: str,
    received: Received,
    how: str,
    number: signal.Signals | None,
    status: int,
    reported: bool,
) -> None:
    one, other = fill(kafka, topics()), fill(kafka, topics())
    bare = work(BARE, kafka, one, how=how, number=number, received=received)
    instrumented = work(launched(endpoint), kafka, other, how=how, number=number, received=received)
    assert (instrumented.status, instrumented.output) == (bare.status, bare.output)
    assert instrumented.errors.splitlines()[-1:] == bare.errors.splitlines()[-1:]
    assert bare.status == status
    assert committed(kafka, other) == committed(kafka, one) == 2
    first, second, *third = received.of("process")
    assert not any(map(unfinished, (first, second)))
    assert len(third) == reported
    assert all(map(unfinished, third))
    assert not received.twice()


def unfinished(span: Span) -> bool:
    """Tell whether a span says that its work was not done."""
    return span.error or bool(span.attributes.get(ABANDONED))
