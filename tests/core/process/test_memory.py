"""Nothing is kept of what is processed."""

from __future__ import annotations

import gc
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

import otel_eda
from core.tinyqueue import Consumer, Queue, Record
from otel_eda.core.clients.instances import ATTRIBUTE, client_of, live_clients
from otel_eda.core.process import deferral, processing, unwinding

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from otel_eda.core import Library


def loop(consumer: Consumer) -> None:
    for _ in consumer:
        pass


def loop_left(consumer: Consumer) -> None:
    for _ in consumer:
        break


def loop_failed(consumer: Consumer) -> None:
    with suppress(ValueError):
        for _ in consumer:
            raise ValueError


def loop_kept(consumer: Consumer) -> None:
    kept = iter(consumer)
    with suppress(ValueError):
        for _ in kept:
            raise ValueError


def pulls(consumer: Consumer) -> None:
    while next(consumer, None):
        pass


def batch(consumer: Consumer) -> None:
    for _ in consumer.poll()["orders"]:
        pass


def by_hand(consumer: Consumer) -> None:
    for message in consumer:
        with otel_eda.process(message):
            pass


def by_hand_now_and_then(consumer: Consumer) -> None:
    for message in consumer:
        if message.offset == 1:
            with otel_eda.process(message):
                pass


WAYS = pytest.mark.parametrize(
    "consume", [loop, loop_left, loop_failed, loop_kept, pulls, batch, by_hand, by_hand_now_and_then]
)


@WAYS
def test_nothing_is_open_after_use(
    consume: Callable[[Consumer], None], queue: Queue, recorder: Recorder, library: Library
) -> None:
    consumer = Consumer(queue, "orders")
    client = client_of(consumer, library)
    consume(consumer)
    consumer.close()
    gc.collect()
    assert (
        processing.open_processings.all(),
        processing.open_processings.by_message,
        client.processing_by_task,
        len(client.deferred_processing),
        unwinding._watches_by_frame,
    ) == ([], {}, {}, 0, {})


@WAYS
def test_no_message_is_kept(
    consume: Callable[[Consumer], None], queue: Queue, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Record]] = []
    following = Consumer._next

    def noted(self: Consumer, topic: str) -> Record | None:
        record = following(self, topic)
        made.extend([weakref.ref(record)] if record else [])
        return record

    monkeypatch.setattr(Consumer, "_next", noted)
    consumer = Consumer(queue, "orders")
    consume(consumer)
    consumer.close()
    gc.collect()
    assert made
    assert [record for record in made if record() is not None] == []


@WAYS
def test_no_client_is_kept(consume: Callable[[Consumer], None], queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    consume(consumer)
    consumer.close()
    kept = weakref.ref(consumer), weakref.ref(consumer.__dict__[ATTRIBUTE])
    before = len(live_clients())
    del consumer
    gc.collect()
    assert [item() for item in kept] == [None, None]
    assert len(live_clients()) < before


def test_no_frame_is_watched_for_a_consumer_that_was_dropped(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    del consumer
    gc.collect()
    assert unwinding._watches_by_frame == {}


def test_memory_does_not_grow_with_messages(recorder: Recorder, library: Library) -> None:
    queue = Queue()
    queue.fill("orders", *range(2000))
    sizes = []
    consumer = Consumer(queue, "orders")
    client = client_of(consumer, library)
    for message in consumer:
        with otel_eda.process(message):
            sizes.append(len(processing.open_processings) + len(client.deferred_processing) + len(client.routes))
    consumer.close()
    assert max(sizes) < 10


def test_memory_does_not_grow_with_messages_that_are_not_processed_manually(
    recorder: Recorder, library: Library
) -> None:
    queue = Queue()
    queue.fill("orders", *range(2000))
    deferral.set_uses_manual()
    consumer = Consumer(queue, "orders")
    client = client_of(consumer, library)
    sizes = [len(processing.open_processings) + len(client.deferred_processing) for _ in consumer]
    consumer.close()
    assert max(sizes) < 10
