"""Messages to dead-letter and retry destinations are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.tinyqueue import Producer, Queue

if TYPE_CHECKING:
    from support.recorder import Recorder


@pytest.mark.parametrize(
    ("topic", "metric"),
    [
        *(
            (topic, "eda.dead_lettered.messages")
            for topic in ("orders.DLQ", "orders.dlt", "dead-letters", "parking_lot")
        ),
        *((topic, "eda.retried.messages") for topic in ("orders.retry.1", "retries")),
    ],
)
def test_what_is_set_aside_or_sent_for_another_attempt(recorder: Recorder, topic: str, metric: str) -> None:
    producer = Producer(Queue())
    producer.send("orders")
    producer.send(topic)
    (point,) = recorder.points(metric)
    assert (getattr(point, "value", 0), (point.attributes or {})["messaging.destination.name"]) == (1, topic)
    assert recorder.count("messaging.client.sent.messages") == 2
