"""A program that forks with a send and a message in work; it tells what each process reported."""

from __future__ import annotations

import json
import os
import sys

from confluent_kafka import Consumer, Producer, TopicPartition
from drivers.base import PATIENCE
from support.recorder import Recorder, recording
from support.spans import attribute


def operations(recorder: Recorder) -> list[tuple[object, object]]:
    spans = recorder.ours()
    return sorted((str(attribute(span, "messaging.operation.type")), span.status.status_code.name) for span in spans)


def main(address: str, topic: str, other: str) -> None:
    settings = {"bootstrap.servers": address, "log_level": 0}
    with recording() as recorder:
        held = Producer({**settings, "linger.ms": 60_000})
        held.produce(topic, b"parent")
        consumer = Consumer({**settings, "group.id": topic, "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition(other, 0, 0)])
        assert consumer.poll(PATIENCE) is not None
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            own = Producer(settings)
            own.produce(other, b"child")
            own.flush(PATIENCE)
            os.write(writing, json.dumps(operations(recorder)).encode())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        told = os.read(reading, 10_000)
        held.flush(PATIENCE)
        consumer.close()
        found = operations(recorder)
    print(json.dumps({"status": status, "child": json.loads(told), "parent": found}))


main(*sys.argv[1:])
