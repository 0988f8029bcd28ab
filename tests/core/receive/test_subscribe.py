"""Deliveries to callbacks, and messages that are settled one by one."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, exceptions, failed, ids, links, parent, traceparent

from core.tinyqueue import Channel, Consumer, Delivery, Producer, Queue
from otel_eda.core.clients import in_flight
from otel_eda.core.clients.instances import ATTRIBUTE, client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from otel_eda.core import Library

FIRST, SECOND = (0xA, 0xB), (0xC, 0xD)
CONSUMED, SETTLED = "messaging.client.consumed.messages", "eda.settled.messages"
TAG = "messaging.rabbitmq.message.delivery_tag"


@pytest.fixture
def channel(queue: Queue) -> Channel:
    """Topic `orders` with a message that has a context, and another with another."""
    queue.topics.clear()
    for origin in (FIRST, SECOND):
        queue.fill("orders", origin, headers=[("traceparent", traceparent(origin))])
    return Channel(queue)


def current() -> tuple[int, int]:
    found = trace.get_current_span().get_span_context()
    return found.trace_id, found.span_id


def run(channel: Channel, callback: Callable[..., Any], auto: bool = False) -> None:
    channel.subscribe("orders", callback, auto)
    channel.run()


def run_async(channel: Channel, callback: Callable[..., Any]) -> None:
    async def subscribed() -> None:
        assert await channel.subscribe_async("orders", callback) == "orders"
        await channel.run_async()

    asyncio.run(subscribed())


# --- Deliver ------------------------------------------------------------------------------------------------------


def test_a_call_is_a_span_that_is_current_in_it(channel: Channel, recorder: Recorder) -> None:
    seen = []
    run(channel, lambda *_: seen.append(current()))
    spans = recorder.processes(2)
    assert seen == [ids(span) for span in spans]
    assert {(span.name, span.kind) for span in spans} == {("process orders", SpanKind.CONSUMER)}
    assert [(parent(span), links(span)) for span in spans] == [(FIRST, [FIRST]), (SECOND, [SECOND])]
    assert [attribute(span, TAG) for span in spans] == [1, 2]
    assert current() == (0, 0)
    recorder.counted(CONSUMED, 2, "orders")


def test_an_exception_is_recorded_and_goes_on_as_it_is(channel: Channel, recorder: Recorder) -> None:
    error = LookupError("boom")

    def callback(*_: object) -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        run(channel, callback)
    assert caught.value is error
    assert callback.__name__ in [entry.name for entry in caught.traceback]
    (span,) = recorder.processes(1)
    assert (failed(span), exceptions(span)) == (True, [("LookupError", "boom")])
    assert current() == (0, 0)


def test_the_library_holds_what_equals_the_applications_function(channel: Channel, recorder: Recorder) -> None:
    class Worker:
        def work(self, *_: object) -> None: ...

        def __call__(self, *_: object) -> None: ...

    worker = Worker()
    for callback in (run, worker.work, worker, functools.partial(run)):
        channel.subscribe("orders", callback)
        held, _ = channel.callbacks["orders"]
        assert held == callback
        assert hash(held) == hash(callback)
        assert isinstance(held, type(callback))
        assert inspect.iscoroutinefunction(held) is False


def test_arguments_are_the_very_ones(channel: Channel, recorder: Recorder) -> None:
    seen: list[tuple[object, ...]] = []
    channel.subscribe(callback=lambda *given: seen.append(given), topic="orders")
    channel.run()
    assert [(given[0] is channel, type(given[1]), given[2]) for given in seen] == [
        (True, Delivery, FIRST),
        (True, Delivery, SECOND),
    ]


def test_what_is_no_callback_is_the_librarys_to_refuse(channel: Channel, recorder: Recorder) -> None:
    wrong: Any = channel.subscribe
    for args in ((), ("orders",), ("orders", 7), ("orders", run, True, 7)):
        with pytest.raises(TypeError):
            wrong(*args)
    recorder.processes(0)


def test_a_callback_that_is_not_the_applications_is_left_alone(channel: Channel, recorder: Recorder) -> None:
    channel.subscribe("_inner", run)
    assert channel.callbacks["_inner"][0] is run


def test_a_coroutine_is_followed_to_its_end(channel: Channel, recorder: Recorder) -> None:
    seen = []

    async def callback(*_: object) -> None:
        assert len(recorder.open("process")) == 1
        await asyncio.sleep(0)
        seen.append(current())
        if len(seen) == 2:
            raise LookupError("boom")

    with pytest.raises(LookupError):
        run_async(channel, callback)
    assert inspect.iscoroutinefunction(channel.callbacks["orders"][0])
    spans = recorder.processes(2)
    assert seen == [ids(span) for span in spans]
    assert [failed(span) for span in spans] == [False, True]
    assert [parent(span) for span in spans] == [FIRST, SECOND]


def test_whatever_turns_out_to_be_async_is_followed(channel: Channel, recorder: Recorder) -> None:
    seen = []

    async def rest() -> None:
        await asyncio.sleep(0)
        seen.append(current())

    class Worker:
        async def __call__(self, *_: object) -> None:
            await rest()

    run_async(channel, lambda *_: rest())
    channel.queue.fill("orders", 3)
    run_async(channel, Worker())
    assert seen == [ids(span) for span in recorder.processes(3)]


def test_tasks_do_not_see_each_others_context(channel: Channel, recorder: Recorder) -> None:
    seen: dict[object, set[tuple[int, int]]] = {}

    async def callback(_: Channel, __: Delivery, value: object) -> None:
        for _turn in range(5):
            seen.setdefault(value, set()).add(current())
            await asyncio.sleep(0)

    async def both() -> None:
        channel.subscribe("orders", callback)
        handed, _ = channel.callbacks["orders"]
        taken = [channel._take("orders", auto=False) for _ in range(2)]
        await asyncio.gather(*[handed(channel, *one) for one in taken if one])
        assert current() == (0, 0)

    asyncio.run(both())
    first, second = recorder.processes(2)
    assert seen == {FIRST: {ids(first)}, SECOND: {ids(second)}}


def test_a_cancelled_callback_ends_its_span(channel: Channel, recorder: Recorder) -> None:
    async def callback(*_: object) -> None:
        await asyncio.sleep(60)

    async def cancelled() -> None:
        channel.subscribe("orders", callback)
        task = asyncio.ensure_future(channel.run_async())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    (span,) = recorder.processes(1)
    assert attribute(span, "error.type") == "asyncio.exceptions.CancelledError"


def test_a_send_in_a_callback_is_its_child(channel: Channel, recorder: Recorder) -> None:
    run(channel, lambda *_: Producer(Queue()).send("refunds"))
    assert [parent(span) for span in recorder.sends(2)] == [ids(span) for span in recorder.processes(2)]


def test_a_callback_within_a_pull_may_pull(channel: Channel, recorder: Recorder) -> None:
    inner = Queue()
    inner.fill("refunds", 1)

    class Driving(Consumer):
        def _next(self, topic: str) -> Any:
            channel.run()
            return super()._next(topic)

    consumers = Consumer(inner, "refunds"), Consumer(inner, "refunds"), Driving(inner, "refunds")
    pulls = iter(consumers)
    channel.subscribe("orders", lambda *_: next(pulls).__next__())
    consumers[-1].__next__()
    for consumer in consumers:
        consumer.close()
    recorder.processes(3, "refunds")


def test_registered_before_and_called_after(library: Library, channel: Channel) -> None:
    seen = []
    with recording() as recorder:
        channel.subscribe("orders", lambda *_: seen.append(current()))
    channel.run()
    assert seen == [(0, 0)] * 2
    assert recorder.ours() == []
    channel.queue.fill("orders", 3)
    with recording() as recorder:
        channel.run()
        recorder.processes(1)


def test_suppressed_a_call_is_just_a_call(channel: Channel, recorder: Recorder) -> None:
    with suppress_instrumentation():
        run(channel, lambda channel, delivery, _: channel.ack(delivery.tag))
    assert recorder.ours() == []


def test_a_channel_is_not_kept_alive(library: Library, queue: Queue) -> None:
    with recording():
        channel = Channel(queue)
        run(channel, lambda *_: None)
        gone = weakref.ref(channel)
        del channel
        gc.collect()
        assert gone() is None


# --- Acknowledge --------------------------------------------------------------------------------------------------


def test_settling_is_a_span_linked_to_the_message(channel: Channel, recorder: Recorder) -> None:
    run(channel, lambda channel, delivery, _: channel.ack(delivery.tag))
    first, second = recorder.settles(2)
    assert (first.name, first.kind) == ("ack orders", SpanKind.CLIENT)
    assert (links(first), links(second)) == ([FIRST], [SECOND])
    assert [parent(span) for span in (first, second)] == [ids(span) for span in recorder.processes(2)]
    assert [attribute(span, TAG) for span in (first, second)] == [1, 2]
    assert attribute(first, "messaging.batch.message_count") is None
    recorder.counted(SETTLED, 2, "orders")
    assert not client_of(channel, recorder_library(channel)).unsettled


def recorder_library(channel: Channel) -> Any:
    return channel.__dict__[ATTRIBUTE].library


def test_settling_does_not_end_the_call(channel: Channel, recorder: Recorder) -> None:
    def callback(channel: Channel, delivery: Delivery, _: object) -> None:
        channel.ack(delivery.tag)
        assert len(recorder.open("process")) == 1
        with recorder.tracer.start_as_current_span("after"):
            pass

    run(channel, callback)
    assert [parent(span) for span in recorder.own("after")] == [ids(span) for span in recorder.processes(2)]


@pytest.mark.parametrize("tag", [2, 0], ids=["up to a tag", "all"])
def test_several_are_settled_at_once(channel: Channel, recorder: Recorder, tag: int) -> None:
    run(channel, lambda *_: None)
    channel.nack(tag, multiple=True, requeue=False)
    (span,) = recorder.settles(1)
    assert (span.name, links(span)) == ("nack orders", [FIRST, SECOND])
    assert attribute(span, "messaging.batch.message_count") == 2
    assert attribute(span, "eda.settle.requeue") is False
    assert attribute(span, TAG) == (tag or None)
    recorder.counted(SETTLED, 2, "orders")


def test_each_attempt_is_a_span_of_its_own(channel: Channel, recorder: Recorder) -> None:
    run(
        channel,
        lambda channel, delivery, _: channel.ack(delivery.tag) if delivery.tries else channel.nack(delivery.tag),
    )
    spans = recorder.processes(4)
    assert [links(span) for span in spans] == [[FIRST], [SECOND], [FIRST], [SECOND]]
    assert [attribute(span, "eda.message.redelivered") for span in spans] == [None, None, True, True]
    assert [attribute(span, "eda.message.delivery_count") for span in spans] == [0, 0, 1, 1]
    assert [span.name for span in recorder.settles(4)] == ["nack orders"] * 2 + ["ack orders"] * 2


def test_a_message_that_was_never_seen_is_settled_without_links(library: Library, channel: Channel) -> None:
    run(channel, lambda *_: None)
    with recording() as recorder:
        channel.ack(1)
        channel.ack(2, multiple=True)
    one, rest = recorder.settles(2)
    assert [(span.name, links(span)) for span in (one, rest)] == [("ack", []), ("ack", [])]
    recorder.counted(SETTLED, 1)


def test_what_is_settled_by_itself_is_not_remembered(channel: Channel, recorder: Recorder) -> None:
    run(channel, lambda *_: None, auto=True)
    assert not client_of(channel, recorder_library(channel)).unsettled


def test_a_failure_to_settle_is_recorded(channel: Channel, recorder: Recorder) -> None:
    with pytest.raises(KeyError):
        channel.ack(7)
    (span,) = recorder.settles(1)
    assert (failed(span), attribute(span, "error.type")) == (True, "KeyError")
    (point,) = recorder.counted(SETTLED, 1)
    assert (point.attributes or {})["error.type"] == "KeyError"


def test_a_pull_ends_where_its_message_is_settled(channel: Channel, recorder: Recorder) -> None:
    channel.get("orders")
    channel.get(topic="orders", auto=False)
    recorder.processes(1)
    channel.ack(1)
    assert len(recorder.open("process")) == 1
    channel.ack(2)
    processed = recorder.processes(2)
    assert [parent(span) for span in recorder.settles(2)] == [ids(processed[1])] * 2
    assert current() == (0, 0)


def test_what_is_never_settled_is_forgotten_one_day(
    channel: Channel, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "MAX_UNSETTLED", 1)
    run(channel, lambda *_: None)
    assert [*client_of(channel, recorder_library(channel)).unsettled] == [2]


# --- Generate, and pulls that are read by their arguments ---------------------------------------------------------


def test_a_generators_loop_is_a_loop(channel: Channel, recorder: Recorder) -> None:
    seen = []
    for delivery, _ in channel.listen("orders", patience=1):
        seen.append(current())
        if delivery:
            channel.ack(delivery.tag)
    spans = recorder.processes(2)
    assert seen == [*(ids(span) for span in spans), (0, 0)]
    assert [parent(span) for span in spans] == [FIRST, SECOND]
    assert [parent(span) for span in recorder.settles(2)] == [ids(span) for span in spans]
    recorder.counted(CONSUMED, 2, "orders")


def test_a_generator_that_is_kept_goes_on(channel: Channel, recorder: Recorder) -> None:
    kept = channel.listen("orders")
    assert inspect.isgenerator(kept)
    for _ in kept:
        break
    recorder.processes(1)
    for _ in kept:
        assert len(recorder.open("process")) == 1
    recorder.processes(2)
    assert [*kept] == []


def test_a_generator_is_pulled_from(channel: Channel, recorder: Recorder) -> None:
    kept = channel.listen("orders")
    assert next(kept)[1] == FIRST
    assert next(kept)[1] == SECOND
    recorder.processes(1)
    kept.close()
    assert [parent(span) for span in recorder.processes(2)] == [FIRST, SECOND]
    with pytest.raises(StopIteration):
        next(kept)
    assert current() == (0, 0)


def test_a_wrong_call_is_the_librarys_to_refuse(channel: Channel, recorder: Recorder) -> None:
    wrong: Any = channel
    with pytest.raises(TypeError):
        wrong.listen()
    with pytest.raises(TypeError):
        wrong.get()
    with pytest.raises(ValueError, match="which topic"):
        channel.get("")
    assert [attribute(span, "error.type") for span in recorder.receives(2)] == ["TypeError", "ValueError"]


def test_nothing_there_is_no_message(channel: Channel, recorder: Recorder) -> None:
    assert channel.get("refunds") == (None, None)
    assert recorder.ours() == []
