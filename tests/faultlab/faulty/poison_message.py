"""One message fails at every attempt, and is set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faultlab.kafka import address, consumer, read, send
from faultlab.program import outlive
from faultlab.truth import fault, harmless, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD, ATTEMPTS = 20, 7, 4


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic)


def billing(topic: str) -> None:
    reader = consumer(topic)
    for message in read(reader, COUNT):
        if not any(billed(message, attempt) for attempt in range(1, ATTEMPTS + 1)):
            # What was set aside may yet be done elsewhere.
            fault("EDA402", "LIKELY", group=topic, **place(message))
        reader.commit()
    outlive()
    reader.close()


def billed(message: Any, attempt: int) -> bool:
    import otel_eda

    try:
        with otel_eda.process(message):
            if message.offset == BAD:
                set_aside(message, attempt)
                raise ValueError("no price")
    except ValueError:
        return False
    return True


def set_aside(message: Any, attempt: int) -> None:
    from kafka import KafkaProducer

    if attempt < ATTEMPTS:
        return
    aside = f"{message.topic}.dlq"
    producer = KafkaProducer(bootstrap_servers=address())
    producer.send(aside, message.value).get(30)
    producer.close()
    fault("EDA405", group=message.topic, **place(message))
    harmless("EDA107", destination=aside)
