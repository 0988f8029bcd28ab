"""`zmq.asyncio`: calls give futures, and the turn of a message begins where its future is awaited."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio
from opentelemetry import context
from support.spans import NOTHING, attribute, current, exceptions, failed, ids, links, parent

from adapters.pyzmq.conftest import recording_with

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from support.recorder import Recorder
    from support.spans import Ids

    from adapters.pyzmq.conftest import Sockets

    Socket = zmq.asyncio.Socket

SEQUENCE = "eda.sender.sequence"


class Pair:
    """Two asynchronous sockets within the process."""

    def __init__(self, sockets: Sockets, binds: int = zmq.PULL, connects: int = zmq.PUSH, **options: Any) -> None:
        far, near = sockets.pair(binds, connects, **options)
        far.rcvtimeo = near.sndtimeo = -1
        self.far, self.near = zmq.asyncio.Socket(far), zmq.asyncio.Socket(near)

    def __enter__(self) -> tuple[Socket, Socket]:
        return self.far, self.near

    def __exit__(self, *_: object) -> None:
        self.far.close(0)
        self.near.close(0)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 20))


RECEIVES: dict[str, tuple[Callable[[Socket], Any], object]] = {
    "recv": (lambda far: far.recv(), b'"1"'),
    "recv_multipart": (lambda far: far.recv_multipart(), [b'"1"']),
    "recv_string": (lambda far: far.recv_string(), '"1"'),
    "recv_json": (lambda far: far.recv_json(), "1"),
    "recv_serialized": (lambda far: far.recv_serialized(b"".join), b'"1"'),
}


@pytest.mark.parametrize("late", [False, True], ids=["it is there", "it comes later"])
@pytest.mark.parametrize("call", RECEIVES)
def test_the_turn_begins_where_the_future_is_awaited(
    sockets: Sockets, recorder: Recorder, call: str, late: bool
) -> None:
    receive, expected = RECEIVES[call]

    async def main() -> None:
        with Pair(sockets) as (far, near):
            if not late:
                await near.send(b'"1"')
            future = receive(far)
            if late:
                await near.send(b'"1"')
            assert not recorder.open("process")
            assert current() == NOTHING
            assert await future == expected
            [turn] = recorder.open("process")
            assert current() == ids(turn)
            with recorder.tracer.start_as_current_span("work"):
                pass

    run(main)
    [send], [process] = recorder.sends(1), recorder.processes(1)
    assert (parent(process), links(process)) == (ids(send), [ids(send)])
    assert parent(recorder.own("work")[0]) == ids(process)
    assert not failed(process)


def test_an_object_arrives(sockets: Sockets, recorder: Recorder) -> None:
    async def main() -> None:
        with Pair(sockets) as (far, near):
            await near.send_pyobj([1])
            assert await far.recv_pyobj() == [1]

    run(main)
    recorder.processes(1)


@pytest.mark.parametrize("propagate", [True, False], ids=["with context", "without"])
def test_parts_arrive_as_they_are(sockets: Sockets, propagate: bool) -> None:
    async def main() -> None:
        with Pair(sockets) as (far, near):
            for _ in range(3):
                await near.send_multipart([b"1", b"2"])
            assert await far.recv_multipart() == [b"1", b"2"]
            seen: list[object] = [
                [await far.poll(0), await far.recv(), far.rcvmore, far.getsockopt(zmq.RCVMORE)] for _ in range(2)
            ]
            assert seen == [[1, b"1", 1, 1], [1, b"2", 0, 0]]
            first = await far.recv(copy=False)
            assert (type(first), first.bytes, first.more) == (zmq.Frame, b"1", True)
            [last] = await far.recv_multipart(copy=False)
            assert (type(last), last.bytes, last.more) == (zmq.Frame, b"2", False)
            ready: Any = await far.poll(0)
            assert ready == 0

    with recording_with(propagate) as recorder:
        run(main)
        assert not recorder.open()
        recorder.processes(3)


def test_messages_that_wait_for_a_peer_keep_their_contexts(sockets: Sockets, recorder: Recorder) -> None:
    async def main() -> None:
        near = zmq.asyncio.Socket(sockets(zmq.PUSH))
        far = zmq.asyncio.Socket(sockets(zmq.PULL))
        near.sndtimeo = far.rcvtimeo = -1
        port = near.bind_to_random_port("tcp://127.0.0.1")
        waiting: list[Any] = []
        for number in range(3):
            with recorder.tracer.start_as_current_span(f"ambient {number}"):
                waiting.append(near.send_multipart([b"%d" % number, b""]))
        assert not any(future.done() for future in waiting)
        assert len(recorder.open("send")) == 3
        far.connect(f"tcp://127.0.0.1:{port}")
        assert [await far.recv_multipart() for _ in range(3)] == [[b"%d" % number, b""] for number in range(3)]
        assert await asyncio.gather(*waiting) == [None] * 3
        far.close()
        near.close()

    run(main)
    sent, processed = recorder.sends(3), recorder.processes(3)
    assert [parent(span) for span in sent] == [ids(recorder.own(f"ambient {number}")[0]) for number in range(3)]
    assert [parent(span) for span in processed] == [ids(span) for span in sent]
    assert (
        [attribute(span, SEQUENCE) for span in sent] == [attribute(span, SEQUENCE) for span in processed] == [0, 1, 2]
    )


def test_futures_are_futures(sockets: Sockets) -> None:
    async def main() -> None:
        with Pair(sockets) as (far, near):
            sent: Any = near.send(b"1")
            assert type(sent) is asyncio.Future
            assert await far.recv() == b"1"
            kinds = []
            for receive, _ in RECEIVES.values():
                await near.send(b'"1"')
                future = receive(far)
                called: list[object] = []
                future.add_done_callback(called.append)
                assert isinstance(future, asyncio.Future)
                assert asyncio.isfuture(future)
                assert inspect.isawaitable(future)
                kinds.append(type(future).__name__)
                done, _ = await asyncio.wait([future])
                assert done == {future}
                assert called == [future]
                assert future.result() is future.result()
            assert {*kinds} == {"Future"}
            left: Any = far.recv()
            assert left.cancel()

    with recording_with(True) as recorder:
        run(main)
        assert not recorder.open()
        recorder.processes(1 + len(RECEIVES))


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


def test_nothing_to_receive_is_no_failure(sockets: Sockets, recorder: Recorder) -> None:
    async def main() -> None:
        with Pair(sockets) as (far, _):
            for receive in (far.recv, far.recv_multipart, far.recv_string, far.recv_json):
                with pytest.raises(zmq.Again):
                    await receive(zmq.NOBLOCK)
            far.rcvtimeo = 1
            with pytest.raises(zmq.Again):
                await far.recv()

    run(main)
    assert recorder.ours() == []


def test_what_cannot_be_read_fails_as_ever(sockets: Sockets, recorder: Recorder) -> None:
    async def main() -> None:
        with Pair(sockets) as (far, near):
            await near.send(b"\xff")
            with pytest.raises(UnicodeDecodeError):
                await far.recv_string()
            await near.send(pickle.dumps(1))
            assert await far.recv_pyobj() == 1

    run(main)
    [receive] = recorder.receives(1)
    assert (failed(receive), attribute(receive, "error.type")) == (True, "UnicodeDecodeError")
    recorder.processes(1)


def test_a_full_queue_ends_a_send_with_an_error(sockets: Sockets, recorder: Recorder) -> None:
    async def main() -> None:
        near = zmq.asyncio.Socket(sockets(zmq.PUSH, sndhwm=1))
        near.sndtimeo = -1
        near.connect("inproc://nobody")
        await near.send(b"1")
        with pytest.raises(zmq.Again):
            await near.send(b"2", zmq.NOBLOCK)
        left = near.send(b"3")
        assert len(recorder.open("send")) == 1
        near.close(0)
        assert left.cancelled()  # type: ignore[attr-defined]  # it is a future

    run(main)
    assert [failed(span) for span in recorder.sends(3)] == [False, True, True]


def test_requests_and_replies(sockets: Sockets, recorder: Recorder) -> None:
    async def serve(server: Socket) -> None:
        for _ in range(2):
            request: Any = await server.recv()
            await server.send(request + b"!")

    async def main() -> None:
        with Pair(sockets, zmq.REP, zmq.REQ) as (server, client):
            task = asyncio.ensure_future(serve(server))
            for number in (b"1", b"2"):
                await client.send(number)
                assert await client.recv() == number + b"!"
            await task

    run(main)
    asked = [span for span in recorder.sends(4) if parent(span) is None]
    assert len(asked) == 2
    for ask in asked:
        trace_id = ids(ask)[0]
        spans = [span for span in recorder.ours() if ids(span)[0] == trace_id]
        assert [parent(span) for span in spans] == [None, *(ids(span) for span in spans[:-1])]


def test_a_poll_loop(sockets: Sockets, recorder: Recorder) -> None:
    async def main() -> None:
        with Pair(sockets) as (far, near):
            poller = zmq.asyncio.Poller()
            poller.register(far, zmq.POLLIN)
            await near.send(b"1")
            for one, _ in await poller.poll(1000):
                assert await one.recv() == b"1"
                assert len(recorder.open("process")) == 1
            assert await poller.poll(1) == []
            assert not recorder.open()

    run(main)
    recorder.processes(1)
