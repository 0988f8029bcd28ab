"""With `zmq.asyncio`, a message is processed by the task that awaited it, until that task's next pull or its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context
from support.spans import NOTHING, attribute, current, exceptions, failed, ids

from adapters.pyzmq.pairs import Pair, run

if TYPE_CHECKING:
    import zmq.asyncio
    from support.recorder import Recorder
    from support.spans import Ids

    from adapters.pyzmq.conftest import Sockets

    Socket = zmq.asyncio.Socket

SEQUENCE = "eda.sender.sequence"


def test_a_turn_ends_at_the_tasks_next_pull(sockets: Sockets, recorder: Recorder) -> None:
    async def main() -> None:
        with Pair(sockets) as (far, near):
            before = context.get_current()
            for _ in range(3):
                await near.send(b"1")
            for number in range(3):
                await far.recv()
                recorder.processes(number)
                assert len(recorder.open("process")) == 1
            ready: Any = await far.poll(0)
            assert ready == 0
            assert not recorder.open()
            assert context.get_current() == before

    run(main)
    recorder.processes(3)


def test_a_turn_ends_with_its_task(sockets: Sockets, recorder: Recorder) -> None:
    async def work(far: Socket) -> None:
        await far.recv()
        raise KeyError("boom")

    async def main() -> None:
        with Pair(sockets) as (far, near):
            await near.send(b"1")
            [outcome] = await asyncio.gather(asyncio.ensure_future(work(far)), return_exceptions=True)
            assert isinstance(outcome, KeyError)
            assert not recorder.open()

    run(main)
    [process] = recorder.processes(1)
    assert failed(process)
    assert exceptions(process) == [("KeyError", "'boom'")]


def test_two_tasks_never_see_each_others_contexts(sockets: Sockets, recorder: Recorder) -> None:
    seen: dict[str, list[Ids]] = {"a": [], "b": []}

    async def consume(name: str, far: Socket) -> None:
        for _ in range(3):
            await far.recv()
            seen[name].append(current())
            await asyncio.sleep(0)
            assert current() == seen[name][-1]

    async def main() -> None:
        with Pair(sockets) as (far, near), Pair(sockets) as (other, another):
            tasks = [asyncio.ensure_future(consume("a", far)), asyncio.ensure_future(consume("b", other))]
            for _ in range(3):
                await asyncio.gather(near.send(b"1"), another.send(b"2"))
            await asyncio.gather(*tasks)
            assert current() == NOTHING

    run(main)
    processed = {ids(span) for span in recorder.processes(6)}
    assert {*seen["a"], *seen["b"]} == processed
    assert len(processed) == 6


def test_tasks_share_a_socket(sockets: Sockets, recorder: Recorder) -> None:
    async def consume(far: Socket) -> tuple[bytes, Ids]:
        received: Any = await far.recv()
        return received, current()

    async def main() -> None:
        with Pair(sockets) as (far, near):
            tasks = [asyncio.ensure_future(consume(far)) for _ in range(4)]
            await asyncio.sleep(0)
            for number in range(4):
                await near.send(b"%d" % number)
            found.update(dict(await asyncio.gather(*tasks)))

    found: dict[bytes, Ids] = {}
    run(main)
    processed = {attribute(span, SEQUENCE): ids(span) for span in recorder.processes(4)}
    assert found == {b"%d" % number: processed[number] for number in range(4)}


def test_what_nobody_awaits_is_counted_only(sockets: Sockets, recorder: Recorder) -> None:
    async def main() -> None:
        with Pair(sockets) as (far, near):
            await near.send(b"1")
            await near.send(b"2")
            both: Any = await asyncio.gather(far.recv(), far.recv())
            assert both == [b"1", b"2"]
            assert current() == NOTHING

    run(main)
    recorder.processes(0)
    recorder.counted("messaging.client.consumed.messages", 2)


def test_waiting_for_a_while(sockets: Sockets, recorder: Recorder) -> None:
    async def main() -> None:
        with Pair(sockets) as (far, near):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(far.recv(), 0.01)
            await near.send(b"1")
            assert await asyncio.wait_for(far.recv_multipart(), 10) == [b"1"]
            assert current() == ids(recorder.open("process")[0])

    run(main)
    recorder.processes(1)
    recorder.receives(0)
