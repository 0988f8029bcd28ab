"""Threads do not see each other's contexts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from drivers.base import PATIENCE, Can, Message, Shape
from opentelemetry import context
from support.spans import current, ids, parent

if TYPE_CHECKING:
    from drivers.base import Received
    from support.bus import Bus
    from support.recorder import Recorder
    from support.spans import Ids

THREADS = 4
EACH = 3


def test_threads_share_a_producer(bus: Bus, recorder: Recorder) -> None:
    producer, together = bus.producer(), Barrier(THREADS, timeout=2 * PATIENCE)

    def work(number: int) -> None:
        with recorder.tracer.start_as_current_span(f"thread {number}"):
            together.wait()
            for pending in [producer.send(Message()) for _ in range(EACH)]:
                pending.wait()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    ambient = {ids(recorder.own(f"thread {number}")[0]) for number in range(THREADS)}
    parents = [parent(span) for span in recorder.sends(THREADS * EACH)]
    assert {one: parents.count(one) for one in ambient} == dict.fromkeys(ambient, EACH)


@pytest.mark.needs(Can.HEADERS)
def test_threads_consume_side_by_side(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    destinations = [bus.make() for _ in range(THREADS)]
    for destination in destinations:
        bus.send(*[Message()] * EACH, destination=destination)
    together = Barrier(THREADS, timeout=2 * PATIENCE)

    def work(destination: str) -> tuple[list[Ids], bool]:
        seen: list[Ids] = []
        before = context.get_current()

        def body(_: Received) -> None:
            together.wait()
            seen.append(current())
            together.wait()

        consumer = bus.consumer(destination)
        consumer.consume(shape, body, EACH)
        consumer.close()
        return seen, context.get_current() == before

    with ThreadPoolExecutor(THREADS) as pool:
        results = dict(zip(destinations, pool.map(work, destinations), strict=True))
    for destination, (seen, clean) in results.items():
        processed = recorder.processes(EACH, destination)
        assert seen == [ids(span) for span in processed]
        assert [parent(span) for span in processed] == [ids(span) for span in recorder.sends(EACH, destination)]
        assert clean


@pytest.mark.shapes(Shape.PULL)
def test_a_pull_ends_the_span_of_its_own_thread_only(bus: Bus, recorder: Recorder) -> None:
    first, second = bus.make(), bus.make()
    for destination in (first, second):
        bus.send(*[Message()] * 2, destination=destination)
    mine, other = bus.consumer(first), bus.consumer(second)
    with ThreadPoolExecutor(1) as thread:
        mine.pull()
        for turn in range(2):
            thread.submit(other.pull).result()
            assert len(recorder.open("process", first)) == 1
            recorder.processes(turn, second)
        mine.pull()
        recorder.processes(1, first)
        assert len(recorder.open("process", second)) == 1
        thread.submit(other.close).result()
        recorder.processes(2, second)
        assert len(recorder.open("process", first)) == 1
