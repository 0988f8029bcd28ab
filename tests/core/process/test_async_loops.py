"""Async sends, receives, turns and settlements: tasks that run at once never see each other's contexts."""

from __future__ import annotations

import ast
import asyncio
import contextvars
import gc
import inspect
import textwrap
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from support.recorder import recording
from support.spans import attribute, exceptions, failed, ids, parent, told

from core.process import test_unwinding
from core.process.test_unwinding import ABANDONED, DONE, EXACT, FAILED, outcome
from core.tinyqueue import AsyncConsumer, AsyncProducer, Consumer, Queue
from otel_eda.core.clients.instances import client_of
from otel_eda.core.process import processing, unwinding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from support.recorder import Recorder

    from core.tinyqueue import Record
    from otel_eda.core import Library

    Body = Callable[[AsyncConsumer], Coroutine[Any, Any, object]]

CANCELLED = "asyncio.exceptions.CancelledError"


def current() -> tuple[int, int]:
    found = trace.get_current_span().get_span_context()
    return found.trace_id, found.span_id


# --- Send ---------------------------------------------------------------------------------------------------------


def test_a_send_ends_when_its_future_does(recorder: Recorder) -> None:
    async def main() -> None:
        producer = AsyncProducer(queue, linger=True)
        future = await producer.send("orders", 1)
        assert type(future) is asyncio.Future
        assert len(recorder.open("send")) == 1
        producer.flush()
        await future

    queue = Queue()
    asyncio.run(main())
    (span,) = recorder.sends(1)
    assert attribute(span, "messaging.kafka.offset") == 0
    ((_, headers),) = queue.topics["orders"]
    assert [told(value) for _, value in headers] == [ids(span)]


def test_a_send_that_waits_for_its_answer_is_one_span(recorder: Recorder) -> None:
    receipt = asyncio.run(AsyncProducer(Queue()).publish("orders", 1))
    (span,) = recorder.sends(1)
    assert (receipt.offset, attribute(span, "messaging.kafka.offset")) == (0, 0)


@pytest.mark.parametrize("name", ["send", "publish"])
def test_the_span_is_current_in_the_call_and_no_longer(
    name: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Watching(Queue):
        def fill(self, *values: Any, **more: Any) -> None:
            seen.append(current())
            super().fill(*values, **more)

    async def main() -> None:
        await getattr(AsyncProducer(Watching()), name)("orders", 1)
        assert current() == (0, 0)

    asyncio.run(main())
    assert seen == [ids(span) for span in recorder.sends(1)]


def test_a_refused_message_is_told_and_still_reported_by_asyncio(recorder: Recorder) -> None:
    complaints: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about))
        await AsyncProducer(Queue()).send("!orders")
        await asyncio.sleep(0)
        gc.collect()

    asyncio.run(main())
    (span,) = recorder.sends(1)
    assert (failed(span), attribute(span, "error.type")) == (True, "ConnectionError")
    assert [about["message"] for about in complaints] == ["Future exception was never retrieved"]


def test_a_send_that_raises_raises_the_very_error(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="which topic"):
        asyncio.run(AsyncProducer(Queue()).publish(""))
    with pytest.raises(ConnectionError, match="refused"):
        asyncio.run(AsyncProducer(Queue()).publish("!orders"))
    assert [attribute(span, "error.type") for span in recorder.sends(2)] == ["ValueError", "ConnectionError"]


def test_a_send_that_is_cancelled_is_told(recorder: Recorder) -> None:
    async def main() -> None:
        producer = AsyncProducer(Queue(), linger=True)
        task = asyncio.create_task(producer.publish("orders"))
        while not producer.waiting:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        future = await producer.send("orders")
        future.cancel()
        await asyncio.sleep(0)

    asyncio.run(main())
    assert [attribute(span, "error.type") for span in recorder.sends(2)] == [CANCELLED] * 2


def test_what_is_never_answered_ends_without_a_word_of_success(recorder: Recorder) -> None:
    async def main() -> None:
        producer = AsyncProducer(Queue(), linger=True)
        await producer.send("orders")
        await producer.close()

    asyncio.run(main())
    (span,) = recorder.sends(1)
    assert attribute(span, "error.type") == "eda.unresolved"


def test_what_was_answered_counts_though_its_callbacks_wait_for_the_loop(recorder: Recorder) -> None:
    async def main() -> None:
        producer = AsyncProducer(Queue(), linger=True)
        futures = [await producer.send("orders"), await producer.send("!orders")]
        producer.flush()
        await producer.close()
        assert len(recorder.sends(2)) == 2
        await asyncio.gather(*futures, return_exceptions=True)

    asyncio.run(main())
    assert [attribute(span, "error.type") for span in recorder.sends(2)] == [None, "ConnectionError"]


def test_a_task_that_a_send_began_may_send_itself(recorder: Recorder) -> None:
    class Spawning(AsyncProducer):
        background: asyncio.Task[Any]

        async def send(self, topic: str, *args: Any) -> Any:
            if topic == "orders":
                self.background = asyncio.create_task(self.later())
            return await super().send(topic, *args)

        async def later(self) -> None:
            await self.send("inside")
            while recorder.open("send"):
                await asyncio.sleep(0)
            await self.send("after")

    async def main() -> None:
        producer = Spawning(Queue())
        await producer.publish("orders")
        await producer.background

    asyncio.run(main())
    assert [span.name for span in recorder.sends(2)] == ["publish orders", "send after"]


def test_a_call_that_is_given_up_leaves_other_contexts_alone(recorder: Recorder) -> None:
    call = AsyncProducer(Queue(), linger=True).publish("orders")
    contextvars.copy_context().run(call.send, None)
    call.close()
    assert [attribute(span, "error.type") for span in recorder.sends(1)] == ["GeneratorExit"]


def test_a_coroutine_function_stays_one(recorder: Recorder) -> None:
    for function in (AsyncProducer.send, AsyncConsumer.poll, AsyncConsumer.get, AsyncConsumer.commit):
        assert inspect.iscoroutinefunction(function)
    assert list(inspect.signature(AsyncProducer.send).parameters) == ["self", "topic", "value", "headers"]
    assert not inspect.iscoroutinefunction(AsyncConsumer.__aiter__)


# --- Iterate ------------------------------------------------------------------------------------------------------


def test_each_turn_is_a_span_that_is_current_in_the_body(queue: Queue, recorder: Recorder) -> None:
    seen = []

    async def main() -> None:
        async for _ in AsyncConsumer(queue, "orders"):
            seen.append(current())
            await asyncio.sleep(0)
            assert seen[-1] == current()
            assert len(recorder.open("process")) == 1
        assert current() == (0, 0)

    asyncio.run(main())
    assert seen == [ids(span) for span in recorder.processes(3)]


def test_a_loop_gives_the_consumer_to_everyone_who_looks(queue: Queue, recorder: Recorder) -> None:
    async def main() -> None:
        consumer = AsyncConsumer(queue, "orders")
        loop = aiter(consumer)
        assert isinstance(loop, AsyncConsumer)
        assert (loop == consumer, loop.group) == (True, "readers")
        assert [(await anext(loop)).value, (await anext(consumer)).value] == [1, 2]
        assert [message.value async for message in consumer] == [3]
        with pytest.raises(StopAsyncIteration):
            await anext(loop)

    asyncio.run(main())
    recorder.processes(3)


def test_an_overriding_anext_has_its_say(queue: Queue, recorder: Recorder) -> None:
    class Doubling(AsyncConsumer):
        async def __anext__(self) -> Any:
            record = await super().__anext__()
            return record.value, record.value

    async def main() -> list[Any]:
        return [pair async for pair in Doubling(queue, "orders")]

    assert asyncio.run(main()) == [(1, 1), (2, 2), (3, 3)]
    recorder.processes(3)


def test_tasks_have_turns_of_their_own(queue: Queue, recorder: Recorder) -> None:
    """Also where they share one consumer."""
    queue.fill("orders", *range(37))
    shared = AsyncConsumer(queue, "orders")

    async def consume(consumer: AsyncConsumer) -> list[tuple[int, int]]:
        mine = []
        async for _ in consumer:
            mine.append(current())
            for _ in range(3):
                await asyncio.sleep(0)
                assert current() == mine[-1]
        assert current() == (0, 0)
        return mine

    async def main() -> list[list[tuple[int, int]]]:
        return await asyncio.gather(*map(consume, [shared, shared, AsyncConsumer(queue, "orders")]))

    seen = [span for task in asyncio.run(main()) for span in task]
    assert sorted(seen) == sorted(ids(span) for span in recorder.processes(80))


def test_interleaved_loops_in_one_task_do_not_chain(queue: Queue, recorder: Recorder) -> None:
    queue.fill("refunds", 1, 2, 3)

    async def main() -> None:
        first, second = aiter(AsyncConsumer(queue, "orders")), aiter(AsyncConsumer(queue, "refunds"))
        async for _ in first:
            await anext(second)
        del first, second
        assert current() == (0, 0)

    asyncio.run(main())
    assert [parent(span) for span in (*recorder.processes(3, "orders"), *recorder.processes(3, "refunds"))] == [
        None
    ] * 6


def test_what_happens_while_a_loop_waits_is_not_its_turns(queue: Queue, recorder: Recorder) -> None:
    class Slow(AsyncConsumer):
        async def __anext__(self) -> Any:
            assert not recorder.open("process")
            assert current() == (0, 0)
            return await super().__anext__()

    async def main() -> None:
        async for _ in Slow(queue, "orders"):
            assert current() != (0, 0)

    asyncio.run(main())
    recorder.processes(3)


def asynchronous(body: Callable[..., Any]) -> Body | None:
    """Give the same body with `async for` instead of `for`; None if it is made of more than one function."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    made = ast.AsyncFunctionDef(**dict(ast.iter_fields(function)))
    if any(isinstance(node, (ast.Lambda, ast.AsyncFunctionDef, ast.Yield)) for node in ast.walk(function)):
        return None

    class Loops(ast.NodeTransformer):
        def visit_For(self, node: ast.For) -> ast.AST:
            self.generic_visit(node)
            of_messages = isinstance(node.iter, ast.Name) and node.iter.id == "messages"
            return ast.AsyncFor(**dict(ast.iter_fields(node))) if of_messages else node

    tree.body = [ast.copy_location(Loops().visit(made), function)]
    names = dict(vars(test_unwinding))
    exec(compile(ast.fix_missing_locations(tree), test_unwinding.__file__, "exec"), names)  # noqa: S102
    return names[body.__name__]  # type: ignore[no-any-return]


async def awaited() -> None:
    await asyncio.sleep(0)
    raise ValueError


async def raised_by_what_is_awaited(messages: AsyncConsumer) -> None:
    async for _ in messages:
        await awaited()


async def raised_by_what_is_awaited_and_handled_around(messages: AsyncConsumer) -> None:
    try:
        async for _ in messages:
            await awaited()
    except ValueError:
        return


async def handled_after_awaiting(messages: AsyncConsumer) -> None:
    async for _ in messages:
        with suppress(ValueError):
            await awaited()


async def left_after_awaiting(messages: AsyncConsumer) -> None:
    async for _ in messages:
        await asyncio.sleep(0)
        break


def generate(messages: AsyncConsumer) -> AsyncIterator[Record]:
    async def generator() -> AsyncIterator[Record]:
        async for message in messages:
            yield message

    return generator()


async def a_generator_closed(messages: AsyncConsumer) -> None:
    generator: Any = generate(messages)
    await anext(generator)
    await generator.aclose()


async def a_generator_dropped(messages: AsyncConsumer) -> None:
    await anext(generate(messages))
    gc.collect()
    for _ in range(5):  # the event loop closes it in a task of its own
        await asyncio.sleep(0)


async def a_generator_thrown_into(messages: AsyncConsumer) -> None:
    generator: Any = generate(messages)
    await anext(generator)
    await generator.athrow(ValueError())


async def a_coroutine_closed(messages: AsyncConsumer) -> None:
    async def run() -> None:
        async for _ in messages:
            await asyncio.sleep(0)
            await forever()

    coroutine = run()
    for _ in range(2):
        coroutine.send(None)
    coroutine.close()


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


LEFT: list[tuple[Body, str]] = [
    *((made, expected) for body, expected in test_unwinding.LEFT if (made := asynchronous(body)) is not None),
    (raised_by_what_is_awaited, FAILED),
    (raised_by_what_is_awaited_and_handled_around, FAILED),
    (handled_after_awaiting, DONE),
    (left_after_awaiting, DONE),
    (a_generator_thrown_into, FAILED if EXACT else ABANDONED),
    *((body, ABANDONED) for body in (a_generator_closed, a_generator_dropped, a_coroutine_closed)),
]


async def ignored(coroutine: Coroutine[Any, Any, object]) -> None:
    with suppress(ValueError):
        await coroutine


@pytest.mark.parametrize(("body", "expected"), LEFT, ids=lambda value: getattr(value, "__name__", None))
def test_how_a_body_was_left_is_told(body: Body, expected: str, queue: Queue, recorder: Recorder) -> None:
    async def main() -> None:
        await ignored(body(AsyncConsumer(queue, "orders")))
        assert not recorder.open()

    asyncio.run(main())
    *before, last = [outcome(span) for span in recorder.ours()]
    assert (set(before) <= {DONE}, last) == (True, expected)


def test_enough_bodies_are_made_asynchronous() -> None:
    assert len(LEFT) > 30


def test_nothing_is_followed_any_more_when_loops_are_over(queue: Queue, recorder: Recorder) -> None:
    for body, _ in LEFT:
        asyncio.run(ignored(body(AsyncConsumer(queue, "orders"))))
    gc.collect()
    assert unwinding._watches_by_frame == {}


@pytest.mark.parametrize("handled", [False, True])
def test_a_task_that_is_cancelled_in_a_body_ends_its_span(handled: bool, queue: Queue, recorder: Recorder) -> None:
    async def consume() -> None:
        try:
            async for _ in AsyncConsumer(queue, "orders"):
                await forever()
        except asyncio.CancelledError:
            assert not recorder.open()
            if not handled:
                raise

    async def main() -> None:
        task = asyncio.create_task(consume())
        while not recorder.open("process"):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert not recorder.open()

    asyncio.run(main())
    (span,) = recorder.processes(1)
    assert outcome(span) == (CANCELLED if EXACT else "_OTHER")


def test_a_task_that_is_cancelled_while_it_waits_for_a_message_fails_nothing(recorder: Recorder) -> None:
    async def main() -> None:
        for call in (AsyncConsumer(Queue(), "orders").get, AsyncConsumer(Queue(), "orders").get):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call(), 0.01)

    asyncio.run(main())
    assert recorder.ours() == []


def test_a_waiting_loop_is_freed_at_once_when_it_is_dropped(recorder: Recorder) -> None:
    async def consume() -> None:
        async for _ in Waiting(Queue(), "orders"):
            pass

    class Waiting(AsyncConsumer):
        async def __anext__(self) -> Any:
            await forever()

    async def main() -> None:
        gc.disable()
        try:
            coroutine: Any = consume()
            coroutine.send(None)
            frame = id(coroutine.cr_frame)
            assert frame in unwinding._watches_by_frame or not EXACT
            del coroutine
            assert unwinding._watches_by_frame == {}
        finally:
            gc.enable()

    asyncio.run(main())


# --- Receive ------------------------------------------------------------------------------------------------------


def test_a_batch_is_one_receive_span_and_a_turn_for_each_of_its_messages(queue: Queue, recorder: Recorder) -> None:
    async def main() -> None:
        for _ in (await AsyncConsumer(queue, "orders").poll())["orders"]:
            await asyncio.sleep(0)
            assert len(recorder.open("process")) == 1
        assert current() == (0, 0)
        assert await AsyncConsumer(Queue(), "orders").poll() == {}

    asyncio.run(main())
    (span,) = recorder.receives(1)
    assert attribute(span, "messaging.batch.message_count") == 3
    recorder.processes(3)


# --- Pull one -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("then", ["get", "commit", "close", "poll"])
def test_a_pulled_message_is_processed_until(then: str, queue: Queue, recorder: Recorder) -> None:
    async def main() -> None:
        consumer = AsyncConsumer(queue, "orders")
        await consumer.get()
        (span,) = recorder.open("process")
        assert current() == ids(span)
        await getattr(consumer, then)()
        assert ids(recorder.processes(1)[0]) == ids(span)
        await consumer.close()
        assert current() == (0, 0)

    asyncio.run(main())


def test_tasks_that_share_a_consumer_end_their_own_turns_only(queue: Queue, recorder: Recorder) -> None:
    consumer = AsyncConsumer(queue, "orders")

    async def consume(handled: asyncio.Event) -> None:
        message = await consumer.get()
        mine = current()
        await handled.wait()
        assert current() == mine
        queue.fill("orders", message.value)
        await consumer.commit()
        assert current() == (0, 0)

    async def main() -> None:
        events = [asyncio.Event() for _ in range(3)]
        tasks = [asyncio.create_task(consume(event)) for event in events]
        for done, (event, task) in enumerate(zip(events, tasks, strict=True)):
            await asyncio.sleep(0.01)
            recorder.processes(done)
            assert len(recorder.open("process")) == 3 - done
            event.set()
            await task

    asyncio.run(main())
    recorder.processes(3)


@pytest.mark.parametrize("way", ["returns", "fails", "is cancelled"])
def test_a_task_that_ends_ends_its_turn(way: str, queue: Queue, recorder: Recorder) -> None:
    consumer = AsyncConsumer(queue, "orders")

    async def consume() -> None:
        await consumer.get()
        if way == "fails":
            await awaited()
        if way == "is cancelled":
            await forever()

    async def main() -> None:
        task = asyncio.create_task(consume())
        await asyncio.wait([task], timeout=0.01)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert not recorder.open()
        assert task.cancelled() or task.exception() is None or way == "fails"

    asyncio.run(main())
    expected = {"returns": DONE, "fails": "ValueError", "is cancelled": CANCELLED}[way]
    assert [outcome(span) for span in recorder.processes(1)] == [expected]


def test_a_task_that_only_pulls_hands_its_message_on(queue: Queue, recorder: Recorder) -> None:
    """As `wait_for` makes one before Python 3.12, and whoever waits for a message and for something else."""

    async def main() -> None:
        consumer = AsyncConsumer(queue, "orders")
        for done in range(3):
            message = await asyncio.create_task(consumer.get())
            await asyncio.sleep(0)
            assert message.value == done + 1
            recorder.processes(done)
            assert len(recorder.open("process")) == 1
        await consumer.commit()
        assert not recorder.open()

    asyncio.run(main())
    assert [outcome(span) for span in recorder.processes(3)] == [DONE] * 3


async def thread(loop: asyncio.AbstractEventLoop, consumer: Consumer) -> Any:
    return await loop.run_in_executor(None, next, consumer)


async def to_thread(_: asyncio.AbstractEventLoop, consumer: Consumer) -> Any:
    return await asyncio.to_thread(next, consumer)


@pytest.mark.parametrize("pull", [thread, to_thread])
def test_a_message_that_an_executor_pulls_is_the_tasks_that_awaits_it(
    pull: Any, queue: Queue, recorder: Recorder
) -> None:
    async def main() -> None:
        consumer, loop = Consumer(queue, "orders"), asyncio.get_running_loop()
        await loop.run_in_executor(None, int)  # the thread is there, and faster than the loop is slow
        for done in range(3):
            record = await pull(loop, consumer)
            recorder.processes(done)
            (span,) = recorder.open("process")
            assert (record.value, current()) == (done + 1, ids(span))
            with recorder.tracer.start_as_current_span("work"):
                await AsyncProducer(Queue()).publish("onward")
        await asyncio.to_thread(consumer.close)

    asyncio.run(main())
    processed = recorder.processes(3)
    assert [parent(span) for span in recorder.own("work")] == [ids(span) for span in processed]
    assert [parent(span) for span in recorder.sends(3)] == [ids(span) for span in recorder.own("work")]
    assert not any(failed(span) for span in processed)


def test_a_loop_in_an_executors_thread_is_its_own(queue: Queue, recorder: Recorder) -> None:
    def consume() -> None:
        consumer = Consumer(queue, "orders")
        while next(consumer, None):
            assert current() == ids(recorder.open("process")[0])

    async def main() -> None:
        await asyncio.to_thread(consume)
        assert current() == (0, 0)

    asyncio.run(main())
    recorder.processes(3)


@pytest.mark.skipif(not EXACT, reason="sys.monitoring is new in Python 3.12")
def test_an_exception_past_a_pull_is_its_turns(queue: Queue, recorder: Recorder) -> None:
    consumer = AsyncConsumer(queue, "orders")

    async def handle() -> None:
        await consumer.get()
        raise ValueError("this one")

    async def main() -> None:
        with pytest.raises(ValueError, match="this one"):
            await handle()
        assert not recorder.open()

    asyncio.run(main())
    assert [exceptions(span) for span in recorder.processes(1)] == [[("ValueError", "this one")]]


# --- Settle and the rest ------------------------------------------------------------------------------------------


def test_a_commit_is_a_span_beneath_the_turn(queue: Queue, recorder: Recorder) -> None:
    seen = []

    async def main() -> None:
        consumer = AsyncConsumer(queue, "orders")
        async for _ in consumer:
            seen.append(current())
            await consumer.commit({"orders": 1})
            break
        with pytest.raises(KeyError):
            await consumer.commit({"nowhere": 1})

    asyncio.run(main())
    good, bad = recorder.settles(2)
    assert (parent(good), parent(bad)) == (seen[0], None)
    assert attribute(bad, "error.type") == "KeyError"


def test_switched_off_in_the_middle_a_loop_goes_on_without_us(queue: Queue, library: Library) -> None:
    async def main() -> list[object]:
        consumer = AsyncConsumer(queue, "orders")
        with recording() as recorder:
            loop = aiter(consumer)
            seen = [(await anext(loop)).value]
        recorder.processes(1)
        return seen + [message.value async for message in loop]

    assert asyncio.run(main()) == [1, 2, 3]


def test_nothing_is_open_or_kept_after_use(queue: Queue, recorder: Recorder, library: Library) -> None:
    async def main() -> None:
        consumer = AsyncConsumer(queue, "orders")
        async for _ in consumer:
            break
        await asyncio.create_task(consumer.get())
        await consumer.get()
        await consumer.close()
        client = client_of(consumer, library)
        await asyncio.sleep(0)
        assert (client.processing_by_task, processing.open_processings) == ({}, {})

    asyncio.run(main())
    gc.collect()
    assert unwinding._watches_by_frame == {}
    recorder.processes(3)
