"""A loop over a consumer: each message has a process span of its own."""

from __future__ import annotations

import gc
import itertools
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, current, ids, links, parent
from support.times import times

from core.common import DONE, FAILED, PRODUCER, TRACED, outcome
from core.tinyqueue import Consumer, Producer, Queue
from otel_eda import config
from otel_eda.core.process import processing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from support.recorder import Recorder

    from otel_eda.core import Library


def test_each_message_has_a_span_that_is_current_in_the_body(queue: Queue, recorder: Recorder) -> None:
    bodies = []
    for _ in Consumer(queue, "orders"):
        bodies.append(current())
        assert len(recorder.open("process")) == 1
    assert bodies == [ids(span) for span in recorder.processes(3)]
    assert current() == (0, 0)
    assert [attribute(span, "messaging.kafka.offset") for span in recorder.processes(3)] == [0, 1, 2]
    assert {span.kind for span in recorder.processes(3)} == {SpanKind.CONSUMER}


def test_a_process_span_is_a_child_of_its_producer_and_linked_to_it(recorder: Recorder) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2, headers=TRACED)
    for _ in Consumer(queue, "orders"):
        pass
    for span in recorder.processes(2):
        assert (ids(span)[0], parent(span)) == (PRODUCER[0], PRODUCER)
        assert links(span) == [PRODUCER]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("auto", "ambient"), ("ambient", "ambient"), ("producer", "producer"), ("none", None), ("nonsense", "ambient")],
)
def test_the_parent_of_a_process_span_can_be_chosen(
    rule: str, expected: str | None, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue()
    queue.fill("orders", 1, headers=TRACED)
    with recording(quiet=False) as recorder:
        monkeypatch.setenv("OTEL_EDA_PROCESS_PARENT", rule)
        config.reload()
        with recorder.tracer.start_as_current_span("ambient"):
            ambient = current()
            for _ in Consumer(queue, "orders"):
                pass
        (span,) = recorder.processes(1)
        assert parent(span) == {"ambient": ambient, "producer": PRODUCER, None: None}[expected]
        assert links(span) == [PRODUCER]


@pytest.mark.parametrize(("trust", "expected"), [("link", None), ("parent", PRODUCER)])
def test_a_producer_that_is_not_trusted_is_only_linked_to(
    trust: str, expected: object, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue()
    queue.fill("orders", 1, headers=TRACED)
    with recording() as recorder:
        monkeypatch.setenv("OTEL_EDA_TRUST", trust)
        config.reload()
        for _ in Consumer(queue, "orders"):
            pass
        (span,) = recorder.processes(1)
    assert (parent(span), links(span)) == (expected, [PRODUCER])


def test_one_loops_messages_are_not_caused_by_anothers(queue: Queue, recorder: Recorder) -> None:
    queue.fill("refunds", 1, 2, headers=TRACED)
    for _ in Consumer(queue, "orders"):
        outer = current()
        for _ in Consumer(queue, "refunds"):
            assert current()[0] == PRODUCER[0]
        assert current() == outer
    assert all(parent(span) is None for span in recorder.processes(3, "orders"))
    assert all(parent(span) == PRODUCER for span in recorder.processes(6, "refunds"))


def test_interleaved_loops_do_not_mix(queue: Queue, recorder: Recorder) -> None:
    queue.fill("refunds", 1, 2, 3)
    seen = []
    for _, _ in zip(Consumer(queue, "orders"), Consumer(queue, "refunds"), strict=False):
        seen.append(current())
    assert len(seen) == 3
    recorder.processes(3, "orders")
    recorder.processes(3, "refunds")
    assert current() == (0, 0)


def test_loops_that_alternate_forever_keep_no_past(queue: Queue, recorder: Recorder) -> None:
    for topic in ("orders", "refunds"):
        queue.fill(topic, *range(times(300)))
    for _ in zip(Consumer(queue, "orders"), Consumer(queue, "refunds"), strict=False):
        pass
    gc.collect()
    assert sum(isinstance(item, processing.Processing) for item in gc.get_objects()) < 10


def test_a_loop_gives_the_consumer_to_everyone_who_looks(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    loop = iter(consumer)
    assert isinstance(loop, Consumer)
    assert loop == consumer
    assert (loop.offsets, loop.group) == ({"orders": 0}, "readers")
    assert next(loop).value == 1


def test_a_consumer_can_be_iterated_again(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        break
    assert [message.value for message in consumer] == [2, 3]
    queue.fill("orders", 4)
    assert [message.value for message in consumer] == [4]
    recorder.processes(4)


def test_an_overriding_next_has_its_say(queue: Queue, recorder: Recorder) -> None:
    class Doubling(Consumer):
        def __next__(self) -> Any:
            record = super().__next__()
            record.value = (record.value, record.value)
            return record

    assert [message.value for message in Doubling(queue, "orders")] == [(1, 1), (2, 2), (3, 3)]
    recorder.processes(3)


def test_what_no_adapter_can_read_is_passed_on(queue: Queue, recorder: Recorder) -> None:
    class Values(Consumer):
        def __next__(self) -> Any:
            return super().__next__().value

    class Nothing(Consumer):
        def __next__(self) -> Any:
            return [] if self._next("orders") else next(iter(()))

    values: Iterable[object] = Values(queue, "orders")
    assert [repr(value) for value in values] == ["1", "2", "3"]
    seen = 0
    for _ in Nothing(queue, "orders"):
        seen += 1
    assert seen == 3
    recorder.processes(3)


def test_suppressed_there_is_nothing(queue: Queue, recorder: Recorder) -> None:
    with suppress_instrumentation():
        Producer(queue).send("orders", 4)
        assert [message.value for message in Consumer(queue, "orders")] == [1, 2, 3, 4]
        consumer = Consumer(queue, "orders")
        assert len([*consumer.poll()["orders"]]) == 4
        consumer.commit()
    assert recorder.ours() == []


def test_switched_off_in_the_middle_a_loop_goes_on_without_us(queue: Queue, library: Library) -> None:
    seen: list[object] = []
    with recording() as recorder:
        loop = iter(Consumer(queue, "orders"))
        seen.append(next(loop).value)
        batch = iter(Consumer(queue, "orders").poll()["orders"])
        seen.append(next(batch).value)
    seen += [record.value for record in loop]
    seen += [record.value for record in batch]
    assert seen == [1, 1, 2, 3, 2, 3]
    assert len(recorder.ours()) == len(recorder.receives(1)) + len(recorder.processes(2))
    assert not recorder.open()


def test_threads_have_process_spans_of_their_own(queue: Queue, recorder: Recorder) -> None:
    errors: list[AssertionError] = []
    start = threading.Barrier(4)

    def consume() -> None:
        start.wait()
        try:
            for _ in range(50):
                mine = [current() for _ in Consumer(queue, "orders")]
                assert len(set(mine)) == 3
                assert current() == (0, 0)
        except AssertionError as error:
            errors.append(error)

    threads = [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    recorder.processes(4 * 50 * 3)


def test_one_message_of_an_iterator_that_nobody_keeps_was_pulled_singly(queue: Queue, recorder: Recorder) -> None:
    consumer, bodies = Consumer(queue, "orders"), []

    def pull() -> object:
        return next(iter(consumer), None)

    while pull() is not None:
        bodies.append(current())
    other = Consumer(queue, "orders")
    next(filter(None, other))
    assert bodies == [ids(span) for span in recorder.processes(3)]
    assert [outcome(span) for span in recorder.processes(3)] == [DONE] * 3
    assert len(recorder.open("process")) == 1
    other.close()


def test_a_loop_ends_what_was_pulled_singly_before(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    next(iter(consumer))
    for _ in consumer:
        assert len(recorder.open("process")) == 1
    assert [outcome(span) for span in recorder.processes(3)] == [DONE] * 3


@pytest.mark.parametrize("take", [list, tuple, lambda some: any(map(id, some)), lambda some: [*some]])
def test_how_a_call_ends_that_takes_several_is_not_known(
    take: Callable[[Iterable[object]], object], queue: Queue, recorder: Recorder
) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    take(itertools.islice(consumer, 2))
    assert FAILED not in {outcome(span) for span in recorder.ours()}
    assert not recorder.open("process")
