"""`with otel_eda.process(message):` gives a message one span, not two, wherever it is processed."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from opentelemetry import context
from support.spans import attribute, current, exceptions, failed, ids, links, parent
from support.waiting import TIMEOUT

import otel_eda
from core.common import PRODUCER, TRACED, iterated, polled
from core.tinyqueue import Channel, Consumer, Delivery, Queue, Record
from otel_eda.core.process import deferral, processing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from support.recorder import Recorder

    Source = Callable[[Queue], Iterable[Record]]

SOURCES = pytest.mark.parametrize("source", [iterated, polled])
(HEADER,) = TRACED


@SOURCES
def test_the_process_span_of_a_loop_is_taken_over(source: Source, queue: Queue, recorder: Recorder) -> None:
    for message in source(queue):
        process = current()
        with otel_eda.process(message):
            assert current() == process
        assert current() == (0, 0)
        assert not recorder.open()
    recorder.processes(3)


@SOURCES
def test_an_exception_is_exact_on_every_python(source: Source, queue: Queue, recorder: Recorder) -> None:
    error = ValueError("this one")
    for message in source(queue):
        with pytest.raises(ValueError, match="this one") as caught, otel_eda.process(message):
            raise error
        assert caught.value is error
    for span in recorder.processes(3):
        assert (failed(span), exceptions(span)) == (True, [("ValueError", "this one")])


@SOURCES
def test_another_thread_may_take_it_over(source: Source, queue: Queue, recorder: Recorder) -> None:
    seen: list[tuple[int, int]] = []

    def work(message: Record) -> None:
        before = current()
        with otel_eda.process(message):
            seen.append(current())
        assert current() == before

    for message in source(queue):
        worker = threading.Thread(target=work, args=(message,))
        worker.start()
        worker.join()
    assert seen == [ids(span) for span in recorder.processes(3)]


@SOURCES
def test_a_pool_may_take_them_over_while_the_loop_runs_ahead(source: Source, queue: Queue, recorder: Recorder) -> None:
    queue.fill("orders", *range(20))
    gate = threading.Event()

    def work(message: Record) -> tuple[int, int]:
        gate.wait(TIMEOUT)
        with otel_eda.process(message):
            return current()

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(work, message) for message in source(queue)]
        assert len(recorder.open("process")) == 23
        assert current() == (0, 0)
        gate.set()
        seen = [future.result() for future in futures]
    assert seen == [ids(span) for span in recorder.processes(23)]
    assert processing.open_processings.all() == []


def test_a_pool_whose_messages_are_handed_on_by_a_pull(queue: Queue, recorder: Recorder) -> None:
    consumer, gate = Consumer(queue, "orders"), threading.Event()

    def work(message: Record) -> None:
        gate.wait(TIMEOUT)
        with otel_eda.process(message):
            pass

    with otel_eda.process(object()), ThreadPoolExecutor(2) as pool:
        while (message := next(consumer, None)) is not None:
            pool.submit(work, message)
        gate.set()
    del message
    consumer.close()
    recorder.processes(3, "orders")


def test_a_message_that_is_dropped_unprocessed_has_ended_its_span(queue: Queue, recorder: Recorder) -> None:
    queue.fill("orders", *range(10))
    consumer = Consumer(queue, "orders")
    for message in consumer:
        if message.offset == 0:
            with otel_eda.process(message):
                continue
    del message
    consumer.close()
    assert not recorder.open()
    first, second, *_ = recorder.processes(13)
    assert first.end_time is not None
    assert second.start_time is not None
    assert first.end_time <= second.start_time


def test_a_message_that_is_held_is_waited_for_and_its_span_ends_when_its_code_did(
    queue: Queue, recorder: Recorder
) -> None:
    consumer, held, ends = Consumer(queue, "orders"), [], []
    with otel_eda.process(object()):
        pass
    for message in consumer:
        held.append(message)
        with recorder.tracer.start_as_current_span("in the body"):
            pass
    del message
    assert len(recorder.open("process")) == 3
    with recorder.tracer.start_as_current_span("after the loop"):
        held.clear()
    consumer.close()
    ends = [span.end_time or 0 for span in recorder.processes(3, "orders")]
    (after,) = recorder.own("after the loop")
    assert max(ends) <= (after.start_time or 0)


def test_a_message_that_is_processed_again_gets_another_span(queue: Queue, recorder: Recorder) -> None:
    queue.topics["orders"] = [(1, [HEADER])]
    for message in Consumer(queue, "orders"):
        for _ in range(3):
            with otel_eda.process(message):
                pass
    for span in recorder.processes(3):
        assert (parent(span), links(span), span.name) == (PRODUCER, [PRODUCER], "process orders")


@pytest.mark.parametrize("gone", [False, True], ids=["its consumer is there", "its consumer is gone"])
def test_a_message_that_no_loop_began_is_known_by_its_consumer(gone: bool, queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    (message, *_) = consumer.poll()["orders"][:1]
    if gone:
        kept = weakref.ref(consumer)
        del consumer
        gc.collect()
        assert kept() is None
    with otel_eda.process(message):
        (span,) = recorder.open("process")
        assert current() == ids(span)
    (span,) = recorder.processes(1)
    assert (span.name, attribute(span, "messaging.system")) == ("process orders", "tinyqueue")
    assert attribute(span, "messaging.consumer.group.name") == "readers"
    assert attribute(span, "messaging.kafka.offset") == 0


@pytest.mark.usefixtures("library")
def test_a_message_is_known_where_there_never_was_a_consumer(recorder: Recorder) -> None:
    # As in a process that was spawned to process it.
    Consumer(Queue(), "invoices", group="others")
    with otel_eda.process(Record("orders", 7, 1, [HEADER])):
        pass
    (span,) = recorder.processes(1)
    assert (span.name, parent(span)) == ("process orders", PRODUCER)
    found = [attribute(span, f"messaging.{name}") for name in ("system", "kafka.offset", "consumer.group.name")]
    assert found == ["tinyqueue", 7, None]


def test_within_another_message_it_is_a_child(queue: Queue, recorder: Recorder) -> None:
    queue.fill("refunds", 1, headers=[HEADER])
    for message in Consumer(queue, "orders"):
        with otel_eda.process(message):
            outer = current()
            (refund,) = Consumer(queue, "refunds").poll()["refunds"][:]
            with otel_eda.process(refund):
                inner = current()
            assert current() == outer
        break
    (span,) = recorder.processes(1, "refunds")
    assert (ids(span), parent(span), links(span)) == (inner, outer, [PRODUCER])


def test_the_same_message_within_itself_is_a_child_too(queue: Queue, recorder: Recorder) -> None:
    for message in Consumer(queue, "orders"):
        with otel_eda.process(message):
            outer = current()
            with otel_eda.process(message):
                assert current() != outer
            assert current() == outer
        break
    first, second = recorder.processes(2)
    assert parent(second) == ids(first)
    assert processing.open_processings.all() == []


def test_tasks_process_side_by_side(queue: Queue, recorder: Recorder) -> None:
    async def work(message: Record) -> tuple[int, int]:
        with otel_eda.process(message):
            before = current()
            await asyncio.sleep(0)
            assert current() == before
        return before

    async def main() -> list[tuple[int, int]]:
        return await asyncio.gather(*[work(message) for message in Consumer(queue, "orders")])

    seen = asyncio.run(main())
    assert seen == [ids(span) for span in recorder.processes(3)]


def test_closing_the_consumer_leaves_what_is_processed_manually(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    for message in consumer:
        with otel_eda.process(message):
            consumer.close()
            assert len(recorder.open("process")) == 1
        break
    recorder.processes(1)


def test_a_callbacks_message_has_one_span(recorder: Recorder) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2)
    channel, before = Channel(queue), context.get_current()

    def callback(_: Channel, delivery: Delivery, value: object) -> None:
        by = delivery if value == 1 else (delivery, value)
        with otel_eda.process(by), recorder.tracer.start_as_current_span("work"):
            pass

    channel.subscribe("orders", callback)
    channel.run()
    assert context.get_current() == before
    assert [parent(span) for span in recorder.own("work")] == [ids(span) for span in recorder.processes(2)]


def test_a_callbacks_message_is_taken_over_by_a_thread(recorder: Recorder) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2)
    channel, handed = Channel(queue), list[Delivery]()
    channel.subscribe("orders", lambda _, delivery, __: handed.append(delivery))
    deferral.set_uses_manual()
    channel.run()
    assert len(recorder.open("process")) == 2
    while handed:
        with otel_eda.process(handed.pop()):
            pass
    recorder.processes(2)


def test_a_part_of_what_was_pulled_stands_for_it(recorder: Recorder) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2)
    for parts in Channel(queue).listen("orders"):
        with otel_eda.process(parts if parts[1] == 1 else parts[0]):
            pass
    del parts
    recorder.processes(2)
