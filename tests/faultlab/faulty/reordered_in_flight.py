"""Several requests are in flight, the broker refuses one of them, and its retry comes after the next one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from faultlab import kafka
from faultlab.kafka import PATIENCE, address, confluent, pull
from faultlab.mock import NOT_LEADER, mock
from faultlab.program import outlive, wait
from faultlab.truth import fault, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD = 20, 7
TOPIC = "orders"


def play(stage: Stage) -> None:
    with mock() as broker:
        broker.topic(TOPIC)
        stage.environ[kafka.VARIABLE] = broker.address
        with stage.start("shop", shop) as program:
            program.wait_for("next")
            broker.answer_after(200)
            broker.refuse(NOT_LEADER)
            program.go_on()
            program.wait_for("done")
            broker.answer_after(0)
            program.go_on()
            stage.finish(program)
        stage.run("billing", billing)


def shop() -> None:
    from confluent_kafka import Producer

    flight = {"max.in.flight": 5, "enable.idempotence": False, "batch.num.messages": 1, "linger.ms": 0}
    producer = Producer({"bootstrap.servers": address(), "client.id": "shop", "acks": "all", **flight})
    for number in range(BAD):
        sent(producer, number)
    wait("next")
    first, second = sent(producer, BAD, BAD + 1)
    assert first.offset() > second.offset(), "they were stored in order"
    # Only the time of the calls is known, and threads may pass each other.
    fault("EDA302", "LIKELY", **place(second))
    wait("done")
    for number in range(BAD + 2, COUNT):
        sent(producer, number)


def sent(producer: Any, *numbers: int) -> list[Any]:
    """Send some at once and wait for all."""
    found: dict[int, Any] = {}
    for number in numbers:

        def done(_: object, message: Any, number: int = number) -> None:
            found[number] = message

        producer.produce(TOPIC, b"%d" % number, on_delivery=done)
        producer.poll(0)
        time.sleep(0.01)  # calls at the same time have no order
    assert producer.flush(PATIENCE) == 0
    return [found[number] for number in numbers]


def billing() -> None:
    reader = confluent(TOPIC)
    for _ in pull(reader, COUNT):
        reader.commit(asynchronous=False)
    outlive()
    reader.close()
