"""A polled batch: one receive span, and the list that it was."""

from __future__ import annotations

import copy
import operator
import pickle
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, links

from core.common import PRODUCER, TRACED
from core.tinyqueue import Consumer, Queue, Record
from otel_eda import config

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from otel_eda.core import Library


def test_a_batch_is_one_receive_span_that_links_to_each_producer(recorder: Recorder) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2, headers=TRACED)
    Consumer(queue, "orders").poll()
    (span,) = recorder.receives(1)
    assert (span.name, span.kind, links(span)) == ("poll orders", SpanKind.CLIENT, [PRODUCER] * 2)
    assert attribute(span, "messaging.batch.message_count") == 2
    assert recorder.count("messaging.client.consumed.messages") == 2


def test_an_empty_batch_is_none(recorder: Recorder) -> None:
    assert Consumer(Queue(), "orders").poll() == {}
    recorder.receives(0)


@pytest.mark.parametrize(("choice", "polls", "pulls"), [("auto", 1, 0), ("all", 1, 1), ("none", 0, 0)])
def test_receive_spans_can_be_chosen(
    choice: str, polls: int, pulls: int, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2)
    with recording() as recorder:
        monkeypatch.setenv("OTEL_EDA_RECEIVE_SPANS", choice)
        config.reload()
        Consumer(queue, "orders").poll()
        recorder.receives(polls)
        consumer = Consumer(queue, "orders")
        next(consumer)
        consumer.close()
        recorder.receives(polls + pulls)


def test_a_batch_is_the_list_that_it_was(queue: Queue, recorder: Recorder) -> None:
    batch = Consumer(queue, "orders").poll()["orders"]
    plain = batch[:]
    assert isinstance(batch, list)
    assert (batch == plain, plain == batch, len(batch), bool(batch)) == (True, True, 3, True)
    assert repr(batch) == repr(plain)
    assert type(copy.copy(batch)) is type(copy.deepcopy(batch)) is list
    assert [record.value for record in pickle.loads(pickle.dumps(batch))] == [1, 2, 3]  # noqa: S301
    assert batch.index(plain[1]) == 1
    assert list(reversed(batch)) == plain[::-1]
    assert sorted(batch, key=lambda record: -record.offset) == plain[::-1]
    recorder.processes(0)


def test_what_the_application_puts_into_a_batch_is_no_message(queue: Queue, recorder: Recorder) -> None:
    batch: list[Any] = Consumer(queue, "orders").poll()["orders"]
    batch[1] = "own"
    batch.append(None)
    seen = []
    for item in batch:
        seen += [item]
    assert seen == batch[:]
    recorder.processes(2)


def test_a_batch_iterated_twice_is_processed_twice(queue: Queue, recorder: Recorder) -> None:
    batch = Consumer(queue, "orders").poll()["orders"]
    for _ in range(2):
        for _ in batch:
            pass
    assert [attribute(span, "eda.process.manual") for span in recorder.processes(6)] == [None] * 3 + [True] * 3


def test_a_second_loop_over_a_batch_is_no_second_delivery(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    batch = consumer.poll()["orders"]
    for _ in range(2):
        list(batch)
        {str(record) for record in batch}
    assert recorder.count("eda.reprocessed.messages") == recorder.count("eda.redelivered.messages") == 0
    consumer.seek("orders", 0)
    for _ in consumer.poll()["orders"]:
        pass
    assert recorder.count("eda.reprocessed.messages") == 3


@pytest.mark.usefixtures("recorder")
def test_what_the_application_takes_out_of_a_batch_is_not_kept(queue: Queue) -> None:
    batch = Consumer(queue, "orders").poll()["orders"]
    gone = [weakref.ref(batch.pop()), weakref.ref(batch.pop(0)), weakref.ref(batch[0])]
    assert [record() is None for record in gone] == [True, True, False]
    batch.clear()
    assert gone[-1]() is None


def extended(batch: list[Any], item: Any) -> None:
    """Add an object to a batch by `+=`."""
    batch += [item]


ADDING: list[Callable[[list[Any], Any], object]] = [
    lambda batch, item: batch.append(item),
    lambda batch, item: batch.insert(0, item),
    lambda batch, item: batch.extend([item]),
    extended,
    lambda batch, item: operator.setitem(batch, 1, item),
]


@pytest.mark.parametrize("add", ADDING)
def test_an_object_where_one_was_that_is_gone_is_no_message(add: Any, queue: Queue, recorder: Recorder) -> None:
    batch: Any = Consumer(queue, "orders").poll()["orders"]
    item = Record("orders", 0, None, [])
    batch._polled[id(item)] = batch._polled.pop(id(batch.pop()))  # as if it had come to be where the popped one was
    add(batch, item)
    for _ in batch:
        pass
    recorder.processes(2 if len(batch) == 3 else 1)
