"""Every pattern of sockets: messages arrive as they are, and bring their context along."""

from __future__ import annotations

import contextlib
import pickle
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.auth.thread
from support.spans import attribute, failed, ids, links, parent
from support.threads import beside
from support.waiting import TIMEOUT
from zmq.utils.monitor import recv_monitor_message

from adapters.pyzmq.conftest import recording_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.recorder import Recorder

    from adapters.pyzmq.conftest import Sockets

PROPAGATE = pytest.mark.parametrize("propagate", [True, False], ids=["with context", "without"])


def endpoint(one: zmq.Socket[bytes]) -> str:
    """Tell where a socket was bound or connected to last."""
    told: Any = one.get(zmq.LAST_ENDPOINT)
    return str(told.rstrip(b"\0").decode())


@contextlib.contextmanager
def proxied(sockets: Sockets, front: int, back: int) -> Iterator[tuple[str, str]]:
    """Run `zmq.proxy` between two addresses; end it by ending its context."""
    inner: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    inner.linger = 0
    frontend, backend = inner.socket(front), inner.socket(back)
    addresses = [f"tcp://127.0.0.1:{one.bind_to_random_port('tcp://127.0.0.1')}" for one in (frontend, backend)]

    def run() -> None:
        with frontend, backend, contextlib.suppress(zmq.ContextTerminated):
            zmq.proxy(frontend, backend)

    with beside(run, inner.term):
        yield addresses[0], addresses[1]


@PROPAGATE
@pytest.mark.parametrize(
    ("sends", "receives"),
    [(zmq.PUSH, zmq.PULL), (zmq.PAIR, zmq.PAIR), (zmq.DEALER, zmq.DEALER), (zmq.REQ, zmq.REP), (zmq.REQ, zmq.DEALER)],
    ids=["push", "pair", "dealer", "request", "request to a dealer"],
)
def test_messages_arrive_as_they_are(sockets: Sockets, sends: int, receives: int, propagate: bool) -> None:
    bare = []
    for watched in (False, True):
        with recording_with(propagate) if watched else contextlib.nullcontext() as recorder:
            far, near = sockets.pair(receives, sends)
            near.send_multipart([b"1", b"", b"3"])
            bare.append(far.recv_multipart())
        if recorder is not None:
            far.close()
            [send], [process] = recorder.sends(1), recorder.processes(1)
            assert links(process) == ([ids(send)] if propagate else [])
    assert bare[0] == bare[1]


@PROPAGATE
def test_topics_filter_as_ever(sockets: Sockets, propagate: bool) -> None:
    with recording_with(propagate) as recorder:
        publisher, subscriber = sockets.pair(zmq.XPUB, zmq.SUB)
        subscriber.subscribe(b"a")
        assert publisher.recv() == b"\x01a"
        for topic in (b"b", b"a", b"ab", b"c"):
            publisher.send_multipart([topic, b"body"])
        publisher.send(b"a alone")
        assert [subscriber.recv_multipart() for _ in range(3)] == [[b"a", b"body"], [b"ab", b"body"], [b"a alone"]]
        subscriber.rcvtimeo = 0
        with pytest.raises(zmq.Again):
            subscriber.recv()
        recorder.processes(3)
        recorder.sends(5)
        recorder.receives(0)


def test_a_replys_parent_is_the_processing_of_its_request(sockets: Sockets, recorder: Recorder) -> None:
    server, client = sockets.pair(zmq.REP, zmq.REQ)
    for question in (b"1", b"2"):
        client.send(question)
        server.send(server.recv() + b"!")
        assert client.recv() == question + b"!"
    client.close()
    server.close()
    asked, answered = recorder.sends(4)[::2], recorder.sends(4)[1::2]
    processed = recorder.processes(4)
    assert [parent(span) for span in processed] == [ids(asked[0]), ids(answered[0]), ids(asked[1]), ids(answered[1])]
    assert [parent(span) for span in answered] == [ids(processed[0]), ids(processed[2])]
    assert parent(asked[0]) is None
    assert parent(asked[1]) == ids(processed[0])  # the server's turn, which goes on in this thread


def test_a_request_is_not_part_of_the_last_answers_processing(sockets: Sockets, recorder: Recorder) -> None:
    server, client = sockets.pair(zmq.REP, zmq.REQ)
    with beside(lambda: [server.send(server.recv()) for _ in range(2)]):
        for _ in range(2):
            client.send(b"1")
            client.recv()
    server.close()
    client.close()
    asked = [span for span in recorder.sends(4) if parent(span) is None]
    assert len(asked) == 2


@PROPAGATE
def test_routing_frames_stay_what_they_are(sockets: Sockets, propagate: bool) -> None:
    with recording_with(propagate) as recorder:
        router, dealer = sockets.pair(zmq.ROUTER, zmq.DEALER, identity=b"me")
        dealer.send_multipart([b"", b"question"])
        assert router.recv_multipart() == [b"me", b"", b"question"]
        router.send_multipart([b"me", b"", b"answer"])
        assert dealer.recv_multipart() == [b"", b"answer"]
        dealer.send(b"alone")
        assert [router.recv(), router.recv()] == [b"me", b"alone"]
        router.send(b"me", zmq.SNDMORE)
        router.send(b"alone")
        assert dealer.recv() == b"alone"
        router.send_multipart([b"nobody", b"lost"])
        sockets.close()
        processed, sent = recorder.processes(4), recorder.sends(5)
        assert [links(span) for span in processed] == [[ids(span)] if propagate else [] for span in sent[:4]]


@PROPAGATE
def test_a_proxy_between_requests_and_replies(sockets: Sockets, propagate: bool) -> None:
    with recording_with(propagate) as recorder, proxied(sockets, zmq.ROUTER, zmq.DEALER) as (front, back):
        client, server = sockets(zmq.REQ), sockets(zmq.REP)
        client.connect(front)
        server.connect(back)
        client.send_string("question")
        assert server.recv_string() == "question"
        server.send_string("answer")
        assert client.recv_string() == "answer"
        sockets.close()
        sent, processed = recorder.sends(2), recorder.processes(2)
        if propagate:
            assert [parent(span) for span in processed] == [ids(span) for span in sent]
            assert parent(sent[1]) == ids(processed[0])


@PROPAGATE
def test_a_proxy_between_publishers_and_subscribers(sockets: Sockets, propagate: bool) -> None:
    with recording_with(propagate) as recorder, proxied(sockets, zmq.XSUB, zmq.XPUB) as (front, back):
        publisher, subscriber = sockets(zmq.XPUB), sockets(zmq.SUB)
        publisher.connect(front)
        subscriber.connect(back)
        subscriber.subscribe(b"topic")
        assert publisher.recv() == b"\x01topic"
        publisher.send_multipart([b"another", b"1"])
        publisher.send_multipart([b"topic", b"2"])
        assert subscriber.recv_multipart() == [b"topic", b"2"]
        subscriber.unsubscribe(b"topic")
        assert publisher.recv() == b"\x00topic"
        sockets.close()
        [process] = recorder.processes(1)
        assert links(process) == ([ids(recorder.sends(2)[1])] if propagate else [])


@PROPAGATE
def test_subscriptions_are_no_messages(sockets: Sockets, propagate: bool) -> None:
    with recording_with(propagate) as recorder:
        publisher, subscriber = sockets.pair(zmq.XPUB, zmq.XSUB)
        subscriber.send(b"\x01topic")
        assert publisher.recv_multipart() == [b"\x01topic"]
        subscriber.send(b"upstream")
        assert publisher.recv_multipart() == [b"upstream"]
        subscriber.send_multipart([b"\x00topic"])
        assert publisher.recv(copy=False).bytes == b"\x00topic"
        sockets.close()
        recorder.sends(1)
        recorder.processes(1)


@PROPAGATE
def test_streams_are_left_alone(sockets: Sockets, propagate: bool) -> None:
    with recording_with(propagate) as recorder:
        stream = sockets(zmq.STREAM)
        with socket.create_connection(("127.0.0.1", stream.bind_to_random_port("tcp://127.0.0.1"))) as plain:
            identity, nothing = stream.recv_multipart()
            assert nothing == b""
            plain.sendall(b"in")
            assert stream.recv_multipart() == [identity, b"in"]
            stream.send_multipart([identity, b"out"])
            stream.send(identity, zmq.SNDMORE)
            stream.send(b".")
            assert plain.recv(4, socket.MSG_WAITALL) == b"out."
        assert recorder.ours() == []


def test_what_belongs_to_the_library_is_left_alone(sockets: Sockets, recorder: Recorder) -> None:
    guard = zmq.auth.thread.ThreadAuthenticator(sockets.context)
    guard.start()
    try:
        guard.allow("127.0.0.1")
        receiver, sender = sockets(zmq.PULL, zap_domain=b"global"), sockets(zmq.PUSH)
        monitor = receiver.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        sender.connect(f"tcp://127.0.0.1:{receiver.bind_to_random_port('tcp://127.0.0.1')}")
        assert recv_monitor_message(monitor)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
        sender.send(b"1")
        assert receiver.recv() == b"1"
        receiver.disable_monitor()
        monitor.close(0)
    finally:
        guard.stop()
    receiver.close()
    assert {attribute(span, "messaging.destination.name") for span in recorder.ours()} == {
        endpoint(sender),
        f"inproc://{id(guard)}.inproc",  # between the application's threads, as any other
    }


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


def test_the_destination_is_the_address(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.far(zmq.PULL, zmq.PUSH)
    near.send(b"1")
    far.recv()
    far.close()
    address = endpoint(near)
    for span in recorder.ours():
        assert attribute(span, "messaging.destination.name") == address
        assert attribute(span, "server.address") == "127.0.0.1"
        assert f"tcp://127.0.0.1:{attribute(span, 'server.port')}" == address
    near.connect("inproc://elsewhere")
    near.send(b"2")
    assert attribute(recorder.sends(2)[1], "messaging.destination.name") == "inproc://elsewhere"
