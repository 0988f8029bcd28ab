"""An async send is one span, which ends with the future or the coroutine of its answer."""

from __future__ import annotations

import asyncio
import contextvars
import gc
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import attribute, current, failed, ids, told

from core.tinyqueue import AsyncProducer, Queue

if TYPE_CHECKING:
    from support.recorder import Recorder


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


def test_a_refused_message_fails_its_send_and_is_still_reported_by_asyncio(recorder: Recorder) -> None:
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


def test_a_send_that_is_cancelled_has_failed(recorder: Recorder) -> None:
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
    assert [attribute(span, "error.type") for span in recorder.sends(2)] == ["eda.unresolved"] * 2


def test_a_send_that_is_never_answered_is_unresolved(recorder: Recorder) -> None:
    async def main() -> None:
        producer = AsyncProducer(Queue(), linger=True)
        await producer.send("orders")
        await producer.close()

    asyncio.run(main())
    (span,) = recorder.sends(1)
    assert attribute(span, "error.type") == "eda.unresolved"


def test_an_answer_counts_though_its_callbacks_wait_for_the_loop(recorder: Recorder) -> None:
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
    assert [attribute(span, "error.type") for span in recorder.sends(1)] == ["eda.unresolved"]
