"""Sockets come and go, in threads and in forked processes, and leave nothing behind."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING

import pytest
import zmq
from support.forking import in_child
from support.spans import attribute, ids, links

import otel_eda
from adapters.pyzmq.conftest import recording_with
from otel_eda.adapters.pyzmq import known

if TYPE_CHECKING:
    from support.recorder import Recorder

    from adapters.pyzmq.conftest import Sockets


class Own(zmq.Socket[bytes]):
    """An application's own kind of socket."""

    calls = 0

    def send(self, *args: object, **kwargs: object) -> None:  # type: ignore[override]
        self.calls += 1
        super().send(*args, **kwargs)  # type: ignore[call-overload]


def test_an_applications_own_sockets(sockets: Sockets, recorder: Recorder) -> None:
    far = sockets(zmq.PULL)
    far.bind("inproc://own")
    near = Own(sockets.context, zmq.PUSH)
    sockets.made.append(near)
    near.calls = 0
    near.connect("inproc://own")
    near.send(b"1")
    near.send_multipart([b"2", b"3"])
    assert (near.calls, type(near)) == (3, Own)
    assert far.recv_multipart() == [b"1"]
    assert far.recv_multipart() == [b"2", b"3"]
    near.close()
    far.close()
    assert [links(span) for span in recorder.processes(2)] == [[ids(span)] for span in recorder.sends(2)]


def test_a_shadow_is_the_same_socket(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    shadow: zmq.Socket[bytes] = zmq.Socket.shadow(far.underlying)
    near.send_multipart([b"1", b"2"])
    assert far.recv() == b"1"
    assert (shadow.rcvmore, shadow.poll(0), shadow.recv(), shadow.rcvmore) == (1, 1, b"2", 0)
    near.send(b"3")
    assert far.recv_multipart() == [b"3"]
    far.close()
    del shadow
    gc.collect()
    recorder.sends(2)
    recorder.processes(2)


def test_options_are_options(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    near.send(b"1")
    far.recv()
    far.linger = 7
    assert (far.linger, far.get(zmq.LINGER), far.getsockopt(zmq.LINGER)) == (7, 7, 7)
    with pytest.raises(AttributeError):
        far.nonsense = 1
    assert zmq.Socket.getsockopt is not None
    far.close()
    recorder.processes(1)


@pytest.mark.parametrize("message", [b"", b"1", b"several"])
def test_threads_receive_side_by_side(sockets: Sockets, recorder: Recorder, message: bytes) -> None:
    pairs = [sockets.pair(zmq.PULL, zmq.PUSH) for _ in range(4)]
    together = threading.Barrier(4, timeout=20)

    def work(far: zmq.Socket[bytes], near: zmq.Socket[bytes]) -> None:
        for _ in range(3):
            near.send(message)
            assert far.recv() == message
            together.wait()
        far.close()

    threads = [threading.Thread(target=work, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(links(span)[0] for span in recorder.processes(12)) == sorted(map(ids, recorder.sends(12)))
    assert not recorder.open()


def test_a_socket_that_is_dropped_ends_its_turn(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    near.send(b"several bytes")
    far.recv()
    kept = weakref.ref(far)
    sockets.made.remove(far)
    with pytest.warns(ResourceWarning):
        del far
    assert kept() is None
    assert not recorder.open()
    recorder.processes(1)


def test_the_end_of_a_context_ends_turns(sockets: Sockets, recorder: Recorder) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    far, near = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    far.bind("inproc://destroyed")
    near.connect("inproc://destroyed")
    near.send(b"1")
    far.recv()
    context.destroy(0)
    assert not recorder.open()
    assert (far.closed, near.closed) == (True, True)
    recorder.processes(1)


def test_switched_off_and_on_a_socket_works_on(sockets: Sockets) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    for propagate in (True, False, True):
        with recording_with(propagate) as recorder:
            near.send_multipart([b"1", b"2"])
            assert far.recv_multipart() == [b"1", b"2"]
        assert known.wires == {}
        recorder.processes(1)
        near.send(b"3")
        assert far.recv() == b"3"


def test_a_forked_child_has_sockets_of_its_own(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    near.send(b"1")
    far.recv()

    def talk() -> object:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        one, other = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        one.bind("inproc://child")
        other.connect("inproc://child")
        other.send_multipart([b"1", b"2"])
        parts = one.recv_multipart()
        one.close()
        return parts, attribute(recorder.ours()[-1], "eda.sender.sequence")

    assert in_child(talk) == "([b'1', b'2'], 0)"
    assert len(recorder.open("process")) == 1
    far.close()
    recorder.processes(1)


def test_processing_by_hand(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    near.send(b"several bytes")
    message = far.recv()
    with pytest.raises(KeyError), otel_eda.process(message):
        raise KeyError
    far.close()
    [process] = recorder.processes(1)
    assert links(process) == [ids(recorder.sends(1)[0])]
    assert attribute(process, "error.type") == "KeyError"
