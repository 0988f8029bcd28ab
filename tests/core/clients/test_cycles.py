"""A client is freed when its consumer is, without the garbage collector."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import otel_eda
from core.tinyqueue import Consumer, Producer, Queue
from otel_eda.core.clients.instances import ATTRIBUTE

if TYPE_CHECKING:
    from support.recorder import Recorder


def test_a_dropped_consumers_client_is_freed_at_once(queue: Queue, recorder: Recorder) -> None:
    gc.disable()
    try:
        consumer = Consumer(queue, "orders")
        for message in consumer:
            with otel_eda.process(message):
                pass
        consumer.commit()
        client = weakref.ref(consumer.__dict__[ATTRIBUTE])
        del consumer, message
        assert client() is None
    finally:
        gc.enable()


def test_a_dropped_producers_client_is_freed_at_once(queue: Queue, recorder: Recorder) -> None:
    gc.disable()
    try:
        producer = Producer(queue)
        producer.send("orders")
        client = weakref.ref(producer.__dict__[ATTRIBUTE])
        del producer
        assert client() is None
    finally:
        gc.enable()
