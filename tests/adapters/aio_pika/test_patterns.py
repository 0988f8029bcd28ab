"""The library's own patterns: remote calls, and a master with workers."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

import pytest
from aio_pika.patterns import RPC, Master
from support.spans import attribute, failed, ids, parent

from .conftest import run

if TYPE_CHECKING:
    from support.recorder import Recorder

    from .conftest import Broker


@pytest.fixture(autouse=True)
def dead_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an exchange for them that does not go when other tests, which run meanwhile, are done with it."""
    monkeypatch.setattr(RPC, "DLX_NAME", f"rpc-{uuid.uuid4().hex}.dlx")


async def ended(recorder: Recorder) -> None:
    """Wait until nothing is being processed any more."""
    while recorder.open("process"):
        await asyncio.sleep(0.01)


def test_a_remote_call_is_one_trace(either: Broker, recorder: Recorder) -> None:
    name = f"multiply-{uuid.uuid4().hex}"

    async def multiply(*, x: int, y: int) -> int:
        with recorder.tracer.start_as_current_span("multiply"):
            return x * y

    async def main() -> None:
        async with either.channel() as there, either.channel() as here:
            server, client = await RPC.create(there), await RPC.create(here)
            await server.register(name, multiply, auto_delete=True)
            with recorder.tracer.start_as_current_span("call"):
                assert await client.call(name, {"x": 6, "y": 7}) == 42
            await ended(recorder)
            await client.close()
            await server.close()

    run(main())
    [call], [work] = recorder.own("call"), recorder.own("multiply")
    asked, answered = recorder.sends(2)
    served, told = recorder.processes(2)
    assert [parent(span) for span in (asked, served, work, answered, told)] == [
        ids(call),
        ids(asked),
        ids(served),
        ids(served),
        ids(answered),
    ]
    assert len(recorder.settles(1)) == 1


def test_a_remote_error_arrives(either: Broker, recorder: Recorder) -> None:
    name = f"fail-{uuid.uuid4().hex}"

    async def fail() -> None:
        raise LookupError("no such card")

    async def main() -> None:
        async with either.channel() as channel:
            rpc = await RPC.create(channel)
            await rpc.register(name, fail, auto_delete=True)
            with pytest.raises(LookupError, match="no such card"):
                await rpc.call(name)
            await rpc.close()

    run(main())
    served, told = recorder.processes(2)
    assert (attribute(served, "error.type"), failed(told)) == ("LookupError", False)


def test_a_master_and_its_worker_are_one_trace(either: Broker, recorder: Recorder) -> None:
    name = f"tasks-{uuid.uuid4().hex}"

    async def main() -> None:
        async with either.channel() as there, either.channel() as here:
            done = asyncio.Event()

            async def work(*, number: int) -> None:
                assert number == 7
                done.set()

            worker = await Master(there).create_worker(name, work, auto_delete=True)
            await Master(here).create_task(name, {"number": 7})
            await done.wait()
            await ended(recorder)
            await worker.close()

    run(main())
    [process] = recorder.processes(1)
    assert parent(process) == ids(recorder.sends(1)[0])
    assert parent(recorder.settles(1)[0]) == ids(process)
