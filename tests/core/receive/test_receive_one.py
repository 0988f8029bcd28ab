"""A message that is pulled alone is processed until its consumer comes back."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import attribute, current, failed, ids, parent

from core.tinyqueue import Consumer, Producer, Queue
from otel_eda import semconv

if TYPE_CHECKING:
    from support.recorder import Recorder


@pytest.mark.parametrize(
    "then",
    [next, methodcaller("close"), methodcaller("poll")],
    ids=["the next pull", "the close", "a poll"],
)
def test_a_pulled_message_is_processed_until(then: Any, queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    (span,) = recorder.open("process")
    assert current() == ids(span)
    then(consumer)
    assert ids(recorder.processes(1)[0]) == ids(span)
    consumer.close()
    assert current() == (0, 0)


def test_the_end_of_the_messages_ends_the_last_process_span(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    while next(consumer, None):
        pass
    recorder.processes(3)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
def test_an_exception_after_a_pull_fails_its_process_span(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")

    def handle() -> None:
        next(consumer)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        handle()
    (span,) = recorder.processes(1)
    assert attribute(span, "error.type") == "ValueError"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
def test_a_function_that_only_fetches_passes_its_process_span_to_its_caller(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")

    def fetch() -> Any:
        return next(consumer)

    def handle(fail: bool) -> None:
        fetch()
        if fail:
            raise ValueError

    handle(fail=False)
    with pytest.raises(ValueError):  # noqa: PT011
        handle(fail=True)
    good, bad = recorder.processes(2)
    assert (attribute(good, "error.type"), attribute(bad, "error.type")) == (None, "ValueError")


def test_another_call_of_the_same_function_is_not_the_one_that_pulled(queue: Queue, recorder: Recorder) -> None:
    def pull(consumer: Consumer) -> Any:
        return next(consumer)

    consumer = Consumer(queue, "orders")
    pull(consumer)
    for _ in range(100):
        with suppress(StopIteration):
            pull(Consumer(Queue(), "orders"))
    assert len(recorder.open("process")) == 1
    consumer.close()
    (span,) = recorder.processes(1)
    assert not failed(span)


def test_a_consumer_dropped_without_closing_leaves_nothing_open(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    assert len(recorder.open("process")) == 1
    del consumer
    gc.collect()
    (span,) = recorder.processes(1)
    assert attribute(span, semconv.ABANDONED) is True


def test_a_commit_before_the_work_does_not_end_the_processing(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    consumer.commit()
    with recorder.tracer.start_as_current_span("work"):
        work = current()
        Producer(queue).send("refunds")
    consumer.close()
    (span,) = recorder.processes(1)
    assert work[0] == ids(span)[0]
    assert [parent(sent) for sent in recorder.sends(1)] == [work]
