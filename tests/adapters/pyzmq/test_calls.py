"""Each call that sends or receives makes one span, and ends as it would without us."""

from __future__ import annotations

import contextlib
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from opentelemetry.trace import format_span_id
from support.spans import attribute, failed, ids, links
from support.threads import beside
from support.waiting import TIMEOUT

from adapters.pyzmq.conftest import PROPAGATE, recording_with

if TYPE_CHECKING:
    from support.recorder import Recorder

    from adapters.pyzmq.conftest import Sockets

SENDS: dict[str, Any] = {
    "send": lambda near: near.send(b'"1"'),
    "send a frame": lambda near: near.send(zmq.Frame(b'"1"')),
    "send_multipart": lambda near: near.send_multipart([b'"1"']),
    "send_multipart, a tuple": lambda near: near.send_multipart((b'"1"',)),
    "send_string": lambda near: near.send_string('"1"'),
    "send_unicode": lambda near: near.send_unicode('"1"'),
    "send_json": lambda near: near.send_json("1"),
    "send_pyobj": lambda near: near.send_pyobj("1"),
    "send_serialized": lambda near: near.send_serialized("1", lambda text: [f'"{text}"'.encode()]),
}


@PROPAGATE
@pytest.mark.parametrize("call", SENDS)
def test_each_way_to_send_makes_one_span(sockets: Sockets, propagate: bool, call: str) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with recording_with(propagate) as recorder:
        assert SENDS[call](near) is None or call == "send a frame"
        [send] = recorder.sends(1)
        assert not failed(send)
        assert far.recv() in {b'"1"', pickle.dumps("1")}
        assert far.rcvmore == 0


RECEIVES: dict[str, tuple[Any, Any]] = {
    "recv": (lambda far: far.recv(), b'"1"'),
    "recv, not copied": (lambda far: far.recv(copy=False).bytes, b'"1"'),
    "recv_multipart": (lambda far: far.recv_multipart(), [b'"1"']),
    "recv_multipart, not copied": (lambda far: [frame.bytes for frame in far.recv_multipart(copy=False)], [b'"1"']),
    "recv_string": (lambda far: far.recv_string(), '"1"'),
    "recv_unicode": (lambda far: far.recv_unicode(), '"1"'),
    "recv_json": (lambda far: far.recv_json(), "1"),
    "recv_serialized": (lambda far: far.recv_serialized(b"".join), b'"1"'),
}


@PROPAGATE
@pytest.mark.parametrize("call", RECEIVES)
def test_each_way_to_receive_makes_one_span(sockets: Sockets, propagate: bool, call: str) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with recording_with(propagate) as recorder:
        near.send(b'"1"')
        receive, expected = RECEIVES[call]
        assert receive(far) == expected
        assert len(recorder.open("process")) == 1
        far.close()
        [send], [process] = recorder.sends(1), recorder.processes(1)
        assert links(process) == ([ids(send)] if propagate else [])


def test_an_object_goes_through(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    near.send_pyobj({"a": [1]})
    assert far.recv_pyobj() == {"a": [1]}
    far.close()
    recorder.processes(1)


@pytest.mark.skipif(not hasattr(zmq.Socket, "recv_into"), reason="recv_into is new in pyzmq 26.4")
@PROPAGATE
def test_receiving_into_a_buffer(sockets: Sockets, propagate: bool) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with recording_with(propagate) as recorder:
        near.send(b"1")
        near.send_multipart([b"1234", b"5", b"6"])
        buffer = bytearray(3)
        assert (far.recv_into(buffer), bytes(buffer), far.rcvmore) == (1, b"1\0\0", 0)
        assert (far.recv_into(buffer), bytes(buffer), far.rcvmore) == (4, b"123", 1)
        assert (far.recv_into(buffer, nbytes=1), bytes(buffer), far.rcvmore) == (1, b"523", 1)
        for wrong, error in ((b"123", BufferError), (bytearray(1), None)):
            with pytest.raises(error) if error else contextlib.nullcontext():
                far.recv_into(wrong)
        far.close()
        recorder.processes(2)


def test_a_full_queue_ends_a_send_with_an_error(sockets: Sockets, recorder: Recorder) -> None:
    near = sockets(zmq.PUSH, sndhwm=1)
    near.connect("inproc://nobody")
    near.send(b"1")
    with pytest.raises(zmq.Again):
        near.send(b"2", zmq.NOBLOCK)
    near.sndtimeo = 1
    with pytest.raises(zmq.Again):
        near.send_multipart([b"2", b"3"])
    assert [attribute(span, "error.type") for span in recorder.sends(3)] == [None, "zmq.error.Again", "zmq.error.Again"]


def test_nothing_to_receive_is_no_failure(sockets: Sockets, recorder: Recorder) -> None:
    far, _ = sockets.pair(zmq.PULL, zmq.PUSH)
    far.rcvtimeo = 1
    for receive in (far.recv, far.recv_multipart, far.recv_string, far.recv_json, lambda _=0: far.recv()):
        with pytest.raises(zmq.Again):
            receive(zmq.NOBLOCK)
    assert recorder.ours() == []


def test_the_end_of_the_context_is_no_failure(sockets: Sockets, recorder: Recorder) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    ready = threading.Event()

    def wait() -> None:
        with context.socket(zmq.PULL) as far:
            far.bind("inproc://end")
            ready.set()
            with pytest.raises(zmq.ContextTerminated):
                far.recv()

    with beside(wait, context.term):
        assert ready.wait(TIMEOUT)
    assert recorder.ours() == []


def test_a_poll_loop(sockets: Sockets, recorder: Recorder) -> None:
    first, near = sockets.pair(zmq.PULL, zmq.PUSH)
    second, other = sockets.pair(zmq.PULL, zmq.PUSH)
    poller = zmq.Poller()
    for one in (first, second):
        poller.register(one, zmq.POLLIN)
    near.send(b"1")
    other.send_multipart([b"2", b"3"])
    seen: list[Any] = []
    while len(seen) < 2:
        for one, _ in poller.poll(1000):
            seen.append(one.recv_multipart())
            assert len(recorder.open("process")) <= 2
    assert poller.poll(0) == []
    assert not recorder.open(), "who polls is done with what was received"
    assert sorted(seen) == [[b"1"], [b"2", b"3"]]
    assert sorted(links(span)[0] for span in recorder.processes(2)) == sorted(ids(span) for span in recorder.sends(2))


def test_a_send_names_the_refused_one_that_it_repeats(sockets: Sockets, recorder: Recorder) -> None:
    near = sockets(zmq.PUSH, sndhwm=1)
    near.connect("inproc://later")
    near.send(b"0")
    for number in (1, 2, 1):
        with pytest.raises(zmq.Again):
            near.send_multipart([b"%d" % number], zmq.NOBLOCK)
    far = sockets(zmq.PULL)
    far.bind("inproc://later")
    for _ in range(2):
        far.recv()
        near.send_multipart([b"1"])
    _, one, two, again, taken, other = recorder.sends(6)
    refused = [attribute(span, "eda.send.refused") for span in (one, two, again, taken, other)]
    assert refused == [True, True, True, None, None]
    named = [attribute(span, "eda.send.repeats") for span in (one, two, again, taken, other)]
    ids = [format_span_id(span.context.span_id) for span in (one, again)]
    assert named == [None, None, ids[0], ids[1], None]
