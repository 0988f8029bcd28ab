"""Every pattern of sockets: messages arrive as they are, and bring their context along."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.auth.thread
from support.spans import attribute, ids, links, parent
from support.threads import beside
from zmq.utils.monitor import recv_monitor_message

from adapters.pyzmq.conftest import PROPAGATE, recording_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.recorder import Recorder

    from adapters.pyzmq.conftest import Sockets


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
