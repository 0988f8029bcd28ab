"""`zmq.asyncio`: calls give futures, and the turn of a message begins where its future is awaited."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio
from support.spans import NOTHING, attribute, current, failed, ids, links, parent

from adapters.pyzmq.conftest import recording_with
from adapters.pyzmq.pairs import Pair, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from adapters.pyzmq.conftest import Sockets

    Socket = zmq.asyncio.Socket

SEQUENCE = "eda.sender.sequence"
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
