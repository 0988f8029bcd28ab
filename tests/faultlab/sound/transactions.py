"""A producer aborts some of its transactions; the consumer reads only what is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import PATIENCE, address, confluent, pull
from faultlab.program import outlive

if TYPE_CHECKING:
    from faultlab.stage import Stage

TRANSACTIONS, EACH = 8, 5


def aborted(number: int) -> bool:
    return number % 3 == 1


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", shop, topic)
    stage.run("billing", billing, topic)


def shop(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": address(), "transactional.id": topic})
    producer.init_transactions()
    for number in range(TRANSACTIONS):
        producer.begin_transaction()
        for _ in range(EACH):
            producer.produce(topic, b"%d" % number)
        assert producer.flush(PATIENCE) == 0
        if aborted(number):
            producer.abort_transaction()
        else:
            producer.commit_transaction()


def billing(topic: str) -> None:
    reader = confluent(topic)
    for message in pull(reader, EACH * sum(not aborted(number) for number in range(TRANSACTIONS))):
        assert not aborted(int(message.value()))
        reader.commit(asynchronous=False)
    outlive()
    reader.close()
