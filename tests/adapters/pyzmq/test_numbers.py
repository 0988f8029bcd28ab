"""A sender numbers its messages: the numbers tell of losses, and of nothing that was not one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import zmq
from opentelemetry.instrumentation.utils import suppress_instrumentation
from support.spans import attribute, links

from adapters.pyzmq.conftest import recording_with
from otel_eda.adapters.pyzmq import trailer

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from adapters.pyzmq.conftest import Sockets

ID = "0123456789abcdef"
TEXT: Any = "text"  # which is refused
SENDER, SEQUENCE = "eda.sender.id", "eda.sender.sequence"


def numbers(spans: Any) -> list[object]:
    return [attribute(span, SEQUENCE) for span in spans]


def test_messages_are_numbered_by_their_sender(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    other = sockets(zmq.PUSH)
    other.connect(far.last_endpoint)  # type: ignore[arg-type]  # bytes will do
    for one in (near, other, near, near):
        one.send_multipart([b"1", b"2"])
        far.recv_multipart()
    far.close()
    sent, processed = recorder.sends(4), recorder.processes(4)
    assert numbers(sent) == numbers(processed) == [0, 0, 1, 2]
    assert [attribute(span, SENDER) for span in sent] == [attribute(span, SENDER) for span in processed]
    senders = [attribute(span, SENDER) for span in sent]
    assert len({*senders}) == 2
    assert senders[0] == senders[2] == senders[3]
    assert all(isinstance(attribute(span, "eda.message.timestamp"), int) for span in processed)


def test_a_send_that_fails_takes_no_number(sockets: Sockets, recorder: Recorder) -> None:
    near = sockets(zmq.PUSH, sndhwm=1)
    near.connect("inproc://later")
    near.send(b"0")
    for _ in range(2):
        with pytest.raises(zmq.Again):
            near.send(b"1", zmq.NOBLOCK)
    with pytest.raises(TypeError):
        near.send(TEXT)
    with pytest.raises(TypeError):
        near.send_multipart([b"1", TEXT])
    far = sockets(zmq.PULL)
    far.bind("inproc://later")
    far.recv()
    near.send(b"1")
    assert far.recv() == b"1"
    far.close()
    assert numbers(recorder.sends(6)) == [0, None, None, None, None, 1]
    assert numbers(recorder.processes(2)) == [0, 1]


def test_a_gap_is_a_loss(sockets: Sockets, recorder: Recorder) -> None:
    publisher, subscriber = sockets.pair(zmq.XPUB, zmq.SUB, sndhwm=2, rcvhwm=2)
    subscriber.subscribe(b"")
    publisher.recv()
    sent, received = 20, 0
    for _ in range(sent):
        publisher.send(b"1")
    while subscriber.poll(500):  # some may still be on their way
        subscriber.recv()
        received += 1
    while not subscriber.poll(10):  # until the publisher has heard that there is room again
        publisher.send(b"2")
        sent += 1
    assert subscriber.recv() == b"2"
    subscriber.close()
    assert 0 < received < 20
    assert numbers(recorder.sends(sent)) == [*range(sent)]
    processed = recorder.processes(received + 1)
    arrived = numbers(processed)
    assert arrived[:received] == [*range(received)]
    last = arrived[received]
    assert last in range(20, sent)
    assert isinstance(last, int)
    assert [attribute(span, "eda.sender.missed") for span in processed] == [*[None] * received, last - received]
    assert recorder.count("eda.missed.messages") == last - received


def framed(*numbers: int) -> list[list[bytes]]:
    return [[b"body", trailer.pack({}, ID, number, 1)] for number in numbers]


def test_repeats_and_what_comes_late(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with suppress_instrumentation():
        for parts in framed(4, 6, 6, 5):
            near.send_multipart(parts)
    for _ in range(4):
        assert far.recv_multipart() == [b"body"]
    far.close()
    facts = ("eda.sender.missed", "eda.message.redelivered", "eda.message.out_of_order")
    assert [[attribute(span, fact) for fact in facts] for span in recorder.processes(4)] == [
        [None, None, None],
        [1, None, None],
        [None, True, None],
        [None, None, True],
    ]
    for metric in ("missed", "redelivered", "out_of_order"):
        assert recorder.count(f"eda.{metric}.messages") == 1


def test_what_is_shared_out_is_not_missed(sockets: Sockets, recorder: Recorder) -> None:
    near, one = sockets.pair(zmq.PUSH, zmq.PULL)
    other = sockets(zmq.PULL)
    other.connect(near.last_endpoint)  # type: ignore[arg-type]  # bytes will do
    for _ in range(6):
        near.send(b"body")
    for _ in range(3):
        one.recv()
        other.recv()
    one.close()
    other.close()
    assert recorder.count("eda.missed.messages") == recorder.count("eda.out_of_order.messages")
    assert recorder.count("eda.redelivered.messages") == 0


def test_each_subscriber_is_to_get_all(sockets: Sockets, recorder: Recorder) -> None:
    publisher = sockets(zmq.XPUB, xpub_verbose=1)
    publisher.bind("inproc://all")
    subscribers = [sockets(zmq.SUB) for _ in range(2)]
    for subscriber in subscribers:
        subscriber.connect("inproc://all")
        subscriber.subscribe(b"")
        publisher.recv()
    for _ in range(3):
        publisher.send(b"body")
    for subscriber in subscribers:
        for _ in range(3):
            subscriber.recv()
        subscriber.close()
    assert numbers(recorder.processes(6)) == [0, 1, 2, 0, 1, 2]
    assert recorder.count("eda.redelivered.messages") == recorder.count("eda.missed.messages") == 0


def by_xsub(socket: zmq.Socket[bytes], topic: bytes, on: bool) -> None:
    socket.send(bytes([on]) + topic)


SUBSCRIBING: dict[str, tuple[int, Callable[[zmq.Socket[bytes], bytes, bool], object]]] = {
    "call": (zmq.SUB, lambda socket, topic, on: (socket.subscribe if on else socket.unsubscribe)(topic)),
    "option": (zmq.SUB, lambda socket, topic, on: socket.setsockopt(zmq.SUBSCRIBE if on else zmq.UNSUBSCRIBE, topic)),
    "attribute": (zmq.SUB, lambda socket, topic, on: setattr(socket, "subscribe" if on else "unsubscribe", topic)),
    "message": (zmq.XSUB, by_xsub),
}


@pytest.mark.parametrize("way", SUBSCRIBING)
def test_what_nobody_wanted_is_not_missed(sockets: Sockets, recorder: Recorder, way: str) -> None:
    kind, set_ = SUBSCRIBING[way]
    publisher, subscriber = sockets(zmq.XPUB, xpub_verbose=1), sockets(kind)
    publisher.bind("inproc://some")
    subscriber.connect("inproc://some")

    def round_(*changes: tuple[bytes, bool]) -> None:
        for topic, on in changes:
            set_(subscriber, topic, on)
            publisher.recv()
        for body in (b"a", b"b", b"a"):
            publisher.send(body)
        while subscriber.poll(100):
            subscriber.recv()

    round_((b"a", True))
    round_((b"", True))
    round_((b"", False))
    subscriber.close()
    assert numbers(recorder.processes(7)) == [None, None, 3, 4, 5, None, None]
    assert recorder.count("eda.missed.messages") == 0


def test_without_propagation_there_are_no_numbers(sockets: Sockets) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with recording_with(False) as recorder:
        near.send(b"1")
        far.recv()
        far.close()
        assert numbers(recorder.sends(1)) == numbers(recorder.processes(1)) == [None]


def test_a_sender_that_conflates_sends_none(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH, conflate=1)
    near.send(b"1")
    assert far.recv() == b"1"
    far.close()
    assert links(recorder.processes(1)[0]) == []
