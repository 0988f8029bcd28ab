"""A framework pulls a message in one place and processes it in another: that is where its process span is."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.recorder import recording
from support.spans import attribute, current, failed, ids, links, parent, traceparent

from core import framework
from core.framework import BROKEN, Fetcher, Job, Worker
from core.tinyqueue import AsyncConsumer, Consumer, Producer, Queue
from otel_eda import suite
from otel_eda.core.process import hand_over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.recorder import Recorder
    from support.spans import Ids

    from otel_eda.core import Library

ORIGIN = (7, 8)


@pytest.fixture(autouse=True)
def frame(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Have the suite know the framework as well as its client."""
    made = framework.library()
    monkeypatch.setitem(suite.LIBRARIES, made.name, made)
    monkeypatch.setattr(suite, "NAMES", (*suite.NAMES, made.name))
    return made


@pytest.fixture
def sent() -> Queue:
    """A topic with three messages of a producer that is known."""
    made = Queue()
    made.fill("orders", 1, 2, 3, headers=[("traceparent", traceparent(ORIGIN))])
    return made


def fetched(queue: Queue) -> Iterator[Job]:
    fetcher = Fetcher(Consumer(queue, "orders"))
    while True:
        try:
            job = fetcher.fetch()
        except StopIteration:
            return
        if job is not None:
            yield job


def test_a_message_is_processed_where_the_framework_does_it(sent: Queue, recorder: Recorder) -> None:
    seen: list[Ids] = []
    worker = Worker(lambda _: seen.append(current()))
    jobs = [*fetched(sent)]
    assert recorder.ours() == recorder.open() == []
    assert recorder.count("messaging.client.consumed.messages", "orders") == 3
    for job in jobs:
        thread = threading.Thread(target=worker.process, args=(job,))
        thread.start()
        thread.join()
    spans = recorder.processes(3)
    assert seen == [ids(span) for span in spans]
    assert [parent(span) for span in spans] == [ORIGIN] * 3
    assert [links(span) for span in spans] == [[ORIGIN]] * 3
    assert [attribute(span, "messaging.kafka.offset") for span in spans] == [0, 1, 2]
    assert hand_over.waiting == {}


def test_what_it_sends_is_in_the_trace(sent: Queue, recorder: Recorder) -> None:
    worker = Worker(lambda job: Producer(sent).send("bills", job.value))
    worker.process(next(fetched(sent)))
    assert parent(*recorder.sends(1)) == ids(*recorder.processes(1))


def test_so_is_that_of_tasks(sent: Queue, recorder: Recorder) -> None:
    seen: list[Ids] = []

    async def handle(_: object) -> None:
        await asyncio.sleep(0)
        seen.append(current())

    async def main() -> None:
        worker = Worker(handle)
        records = [record async for record in Fetcher(AsyncConsumer(sent, "orders")).listen()]
        assert recorder.ours() == recorder.open() == []
        await asyncio.gather(*map(worker.process_async, records))

    asyncio.run(main())
    assert seen == [ids(span) for span in recorder.processes(3)]
    assert hand_over.waiting == {}


def test_its_outcome_is_what_leaves_the_call_or_what_the_framework_is_told(sent: Queue, recorder: Recorder) -> None:
    def handle(job: Job) -> None:
        if job.value != 3:
            raise KeyError if job.value == 1 else ValueError

    worker, jobs = Worker(handle), fetched(sent)
    with pytest.raises(KeyError):
        worker.process(next(jobs))
    for job in jobs:
        worker.process(job)
    assert [attribute(span, "error.type") for span in recorder.processes(3)] == ["KeyError", "ValueError", None]


def test_a_handler_that_handles_it_itself_has_not_failed(sent: Queue, recorder: Recorder) -> None:
    job = next(fetched(sent))
    Worker(lambda job: job.note(None)).process(job)
    assert not failed(*recorder.processes(1))


def test_what_nobody_processes_has_no_span_and_is_not_kept(sent: Queue, recorder: Recorder) -> None:
    sent.fill("orders", 4, 5)
    jobs = fetched(sent)
    next(jobs)
    kept = next(jobs)
    assert len([*jobs]) == 3
    assert len([item for item in hand_over.waiting.values() if item.known is kept]) == 1
    assert len(hand_over.waiting) < 5
    assert recorder.processes(0) == []


def test_a_message_that_it_cannot_read_has_no_span(recorder: Recorder) -> None:
    queue = Queue()
    queue.fill("orders", BROKEN, 2)
    for job in fetched(queue):
        Worker(lambda _: None).process(job)
    recorder.processes(1)
    assert hand_over.waiting == {}


def test_a_job_that_is_processed_again_has_no_second_span(sent: Queue, recorder: Recorder) -> None:
    seen: list[Ids] = []
    worker, job = Worker(lambda _: seen.append(current())), next(fetched(sent))
    for _ in range(2):
        worker.process(job)
    assert seen == [ids(*recorder.processes(1)), (0, 0)]


def test_a_redelivered_message_is_told_as_such(sent: Queue, recorder: Recorder) -> None:
    consumer = Consumer(sent, "orders")
    fetcher, worker = Fetcher(consumer), Worker(lambda _: None)
    for _ in range(2):
        job = fetcher.fetch()
        assert job is not None
        worker.process(job)
        consumer.seek("orders", 0)
    first, again = recorder.processes(2)
    assert [attribute(span, "eda.message.reprocessed") for span in (first, again)] == [None, True]


def test_without_the_framework_its_client_is_seen_as_ever(sent: Queue) -> None:
    with recording(without=["framework"]) as recorder:
        jobs = [*fetched(sent)]
        recorder.processes(3)
        for job in jobs:
            Worker(lambda _: None).process(job)
        recorder.processes(3)


def test_a_loop_that_once_fetched_is_seen_as_ever_once_the_framework_is_off(sent: Queue) -> None:
    async def drain() -> None:
        async for _ in Fetcher(AsyncConsumer(sent, "orders")).listen():
            pass

    with recording() as recorder:
        asyncio.run(drain())
        assert recorder.ours() == []
        suite.switch_off("framework")
        asyncio.run(drain())
        recorder.processes(3)


def test_nothing_is_recorded_when_the_client_is_switched_off_meanwhile(sent: Queue) -> None:
    seen: list[Ids] = []
    with recording() as recorder:
        job = next(fetched(sent))
        suite.switch_off("tinyqueue")
        Worker(lambda _: seen.append(current())).process(job)
        assert recorder.ours() == []
    assert seen == [(0, 0)]


@pytest.mark.parametrize("arguments", [(), (1, 2)])
def test_a_wrong_call_is_the_frameworks_to_refuse(arguments: tuple[Any, ...], sent: Queue, recorder: Recorder) -> None:
    job = next(fetched(sent))
    with pytest.raises(TypeError, match="process"):
        Worker(lambda _: None).process(*arguments)
    assert job
