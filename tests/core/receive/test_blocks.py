"""A library's own `with` around a message ends the message's process span, or is the processing itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context, trace
from support.recorder import recording
from support.spans import attribute, exceptions, failed, ids, links, parent, traceparent

import otel_eda
from core.tinyqueue import Block, Channel, Queue, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from core.tinyqueue import Delivery
    from otel_eda.core import Library

    Body = Callable[[], object]
    Way = Callable[[Channel, Delivery, Body], None]

PRODUCER = 7, 8
TRACED = [("traceparent", traceparent(PRODUCER))]


class BoomError(Exception):
    pass


@pytest.fixture
def channel() -> Channel:
    queue = Queue()
    queue.fill("orders", "one", "two", headers=TRACED)
    return Channel(queue)


def sync(channel: Channel, delivery: Delivery, body: Body) -> None:
    with Block(channel, delivery) as entered:
        assert entered is delivery
        body()


def asynchronous(channel: Channel, delivery: Delivery, body: Body) -> None:
    async def main() -> None:
        async with Block(channel, delivery) as entered:
            assert entered is delivery
            body()

    asyncio.run(main())


WAYS = pytest.mark.parametrize("way", [sync, asynchronous])


def boom() -> None:
    raise BoomError("boom")


def given(channel: Channel) -> Delivery:
    """Take a message where nobody follows it, as one that is handed to somebody else."""
    taken = channel._take("orders", auto=False)
    assert taken is not None
    return taken[0]


@WAYS
def test_within_its_messages_process_span_it_makes_no_span(way: Way, channel: Channel, recorder: Recorder) -> None:
    seen: list[Any] = []
    for delivery in Subscription(channel, "orders"):
        way(channel, delivery, lambda: seen.append(trace.get_current_span().get_span_context().span_id))
        assert len(recorder.open("process")) == 1
    assert seen == [ids(span)[1] for span in recorder.processes(2)]
    assert not any(failed(span) for span in recorder.processes(2))
    assert [parent(span) for span in recorder.settles(2)] == [ids(span) for span in recorder.processes(2)]


@WAYS
@pytest.mark.parametrize("handled", [True, False])
def test_the_process_span_has_the_very_exception(way: Way, handled: bool, channel: Channel, recorder: Recorder) -> None:
    def loop() -> None:
        for delivery in Subscription(channel, "orders"):
            try:
                way(channel, delivery, boom)
            except BoomError:
                if not handled:
                    raise
            break

    if handled:
        loop()
    else:
        with pytest.raises(BoomError):
            loop()
    (span,) = recorder.processes(1)
    assert (failed(span), [message for _, message in exceptions(span)]) == (True, ["boom"])


def test_a_pull_that_it_settles_has_its_exception(channel: Channel, recorder: Recorder) -> None:
    delivery, _ = channel.get("orders")
    assert delivery is not None
    with pytest.raises(BoomError):
        sync(channel, delivery, boom)
    (span,) = recorder.processes(1)
    assert [message for _, message in exceptions(span)] == ["boom"]


@WAYS
@pytest.mark.parametrize("body", [lambda: None, boom])
def test_without_a_process_span_it_is_the_processing(
    way: Way, body: Body, channel: Channel, recorder: Recorder
) -> None:
    delivery, before = given(channel), context.get_current()

    def work() -> None:
        with recorder.tracer.start_as_current_span("work"):
            body()

    try:
        way(channel, delivery, work)
    except BoomError:
        assert body is boom
    assert context.get_current() == before
    (span,) = recorder.processes(1)
    assert (parent(span), links(span)) == (PRODUCER, [PRODUCER])
    assert failed(span) == (body is boom)
    assert parent(recorder.own("work")[0]) == ids(span)
    (settle,) = recorder.settles(1)
    assert (parent(settle), links(settle)) == (ids(span), [PRODUCER])


@WAYS
def test_processed_manually_there_is_one_span(way: Way, channel: Channel, recorder: Recorder) -> None:
    from otel_eda.core.process.manual import Process  # here, else every loop of this file might hand over

    delivery = given(channel)
    with Process(delivery):
        way(channel, delivery, lambda: None)
        assert len(recorder.open("process")) == 1
    recorder.processes(1)


def test_another_task_takes_the_process_span_over(channel: Channel, recorder: Recorder) -> None:
    async def main() -> None:
        given: asyncio.Queue[Delivery] = asyncio.Queue()

        async def work() -> None:
            delivery = await given.get()
            async with Block(channel, delivery):
                await asyncio.sleep(0)
                assert len(recorder.open("process")) == 1

        async def callback(_: Channel, delivery: Delivery, __: object) -> None:
            given.put_nowait(delivery)
            await asyncio.sleep(0.01)

        task = asyncio.ensure_future(work())
        channel.queue.topics["orders"].pop()
        await channel.subscribe_async("orders", callback)
        await channel.run_async()
        await task

    asyncio.run(main())
    (span,) = recorder.processes(1)
    assert parent(recorder.settles(1)[0]) == ids(span)


@WAYS
def test_a_failure_of_the_librarys_own_goes_through(way: Way, channel: Channel, recorder: Recorder) -> None:
    delivery = given(channel)
    with pytest.raises(KeyError):
        way(channel, delivery, lambda: channel.ack(delivery.tag))
    assert len(recorder.processes(1)) == 1


@WAYS
def test_switched_off_within_it_still_ends(way: Way, channel: Channel, library: Library) -> None:
    with recording() as recorder:
        way(channel, given(channel), otel_eda.disable)
        assert attribute(recorder.processes(1)[0], "eda.process.abandoned") is True
    way(channel, given(channel), lambda: None)
    assert not channel.waiting


@pytest.mark.parametrize(
    "serve", [lambda channel, body: channel.serve(body), lambda channel, body: asyncio.run(channel.serve_async(body))]
)
def test_what_the_library_handles_has_failed_all_the_same(serve: Any, channel: Channel, recorder: Recorder) -> None:
    def fail() -> None:
        raise ValueError("no such card")

    answers = [serve(channel, fail if number else str) for number, _ in enumerate(Subscription(channel, "orders"))]
    assert answers == ["", "ValueError('no such card')"]
    assert [[message for _, message in exceptions(span)] for span in recorder.processes(2)] == [[], ["no such card"]]


def test_what_the_library_gives_back_by_itself_has_no_span(channel: Channel, recorder: Recorder) -> None:
    given(channel)
    channel.give_back()
    given(channel)
    asyncio.run(channel.give_back_async())
    assert not recorder.ours()
    given(channel)
    channel.nack(0, multiple=True)
    recorder.settles(1)


def test_a_close_ends_what_its_parts_have_begun(channel: Channel, recorder: Recorder) -> None:
    channel.get("orders")
    channel.close()
    recorder.processes(1)
