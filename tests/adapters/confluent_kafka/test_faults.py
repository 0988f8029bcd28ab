"""Forks, and brokers that come back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, Producer, TopicPartition
from drivers.base import PATIENCE
from support.spans import attribute, failed, ids, parent
from support.waiting import until

import otel_eda

from .conftest import QUIET, flush, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from brokers.kafka import Kafka
    from conftest import Topics
    from support.recorder import Recorder

TESTS = Path(__file__).parents[2]
OFFSET = "messaging.kafka.offset"


def test_after_a_fork_each_process_ends_its_own(
    kafka: Kafka, topics: Topics, produced: Callable[..., Producer]
) -> None:
    topic, other = topics(), topics()
    producer = produced()
    producer.produce(other, b"first")
    flush(producer)
    package = Path(*otel_eda.__path__).parent
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).parent / "forks.py"), kafka.address, topic, other],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (TESTS, package)))},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "status": 0,
        "child": [["send", "UNSET"]],
        "parent": [["process", "UNSET"], ["send", "UNSET"]],
    }


def test_a_broker_that_comes_back_has_every_message_once(recorder: Recorder, private_kafka: Kafka) -> None:
    topic = private_kafka.topic()
    settings = {"bootstrap.servers": private_kafka.address, **QUIET, "reconnect.backoff.max.ms": 200}
    producer = Producer(settings)
    consumer = Consumer({**reading(private_kafka.address), "reconnect.backoff.max.ms": 200})
    consumer.assign([TopicPartition(topic, 0, 0)])
    seen: list[bytes] = []

    def pull(count: int) -> None:
        for _ in range(count):
            message: Any = until(lambda: consumer.poll(0.2), "a message", 2 * PATIENCE)
            if message.error() is None:
                seen.append(message.value())

    producer.produce(topic, b"before")
    flush(producer)
    pull(1)
    private_kafka.kill()
    for number in range(3):
        producer.produce(topic, f"meanwhile {number}")
    assert len(recorder.open("send")) == 3
    private_kafka.start()
    assert producer.flush(2 * PATIENCE) == 0
    while len(seen) < 4:
        pull(1)
    consumer.close()
    sends, processes = recorder.sends(4), recorder.processes(4)
    assert [attribute(span, OFFSET) for span in sends] == [0, 1, 2, 3]
    assert not any(map(failed, (*sends, *processes)))
    assert [parent(span) for span in processes] == [ids(span) for span in sends]
