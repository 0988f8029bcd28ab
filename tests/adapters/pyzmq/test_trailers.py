"""The frame that carries context: only what is exactly one is taken for one, and its numbers tell of losses."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, context
from opentelemetry.instrumentation.utils import suppress_instrumentation
from support.spans import attribute, ids, links, parent

from adapters.pyzmq.conftest import recording_with
from otel_eda.adapters.pyzmq import trailer
from otel_eda.core import propagation

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from adapters.pyzmq.conftest import Sockets

SENDER, SEQUENCE = "eda.sender.id", "eda.sender.sequence"
ID = "0123456789abcdef"
GOOD = trailer.pack({"traceparent": "00-0000000000000000000000000000000a-000000000000000b-01"}, ID, 7, 1)
TEXT: Any = "text"  # which is refused
TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=20)


@given(st.dictionaries(TEXTS, TEXTS, max_size=5), st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_what_goes_in_comes_out(headers: dict[str, str], sequence: int, timestamp: int) -> None:
    found = trailer.unpack(trailer.pack(headers, ID, sequence, timestamp))
    assert found is not None
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert found == (pairs, ID, sequence, timestamp)


@given(st.dictionaries(st.text(), st.text(), max_size=100))
def test_headers_of_any_content_make_a_trailer(headers: dict[str, str]) -> None:
    packed = trailer.pack(headers, ID, 0, 0)
    assert len(packed) <= trailer.LONGEST
    found = trailer.unpack(packed)
    assert found is not None
    assert len(found.headers) <= min(len(headers), trailer.MOST)


def test_headers_that_are_too_long_are_left_out() -> None:
    found = trailer.unpack(trailer.pack({"a": "1", "b": "2" * trailer.LONGEST}, ID, 0, 0))
    assert found is not None
    assert found.headers == [(b"a", b"1")]


FALSE: dict[str, bytes] = {
    "the magic alone": trailer.MAGIC,
    "garbage": trailer.MAGIC + b"garbage",
    "no sender": GOOD.replace(ID.encode(), b""),
    "a sender in capitals": GOOD.replace(ID.encode(), ID.upper().encode()),
    "no number": trailer.MAGIC + ID.encode() + b"\0seven\x001",
    "a negative number": trailer.MAGIC + ID.encode() + b"\0-7\x001",
    "a huge number": trailer.MAGIC + ID.encode() + b"\0" + b"9" * 10_000 + b"\x001",
    "no time": trailer.MAGIC + ID.encode() + b"\x007",
    "half a header": GOOD + b"\0half",
    "too many headers": GOOD + b"\0a\0b" * trailer.MOST,
    "too long": GOOD + b"\0a\0" + b"b" * trailer.LONGEST,
    "of the next version": GOOD.replace(trailer.MAGIC, trailer.MAGIC[:-1] + b"\x02"),
    "not at its beginning": b" " + GOOD,
}


@pytest.mark.parametrize("case", FALSE)
def test_what_is_none_stays_in_the_message(sockets: Sockets, recorder: Recorder, case: str) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with suppress_instrumentation():
        for _ in range(2):
            near.send_multipart([b"body", FALSE[case]])
    assert far.recv_multipart() == [b"body", FALSE[case]]
    assert [far.recv(), far.rcvmore, far.recv(), far.rcvmore] == [b"body", 1, FALSE[case], 0]
    far.close()
    assert [links(span) for span in recorder.processes(2)] == [[], []]


def test_a_trailer_is_one_only_at_the_end_of_a_message(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    given = [[GOOD], [GOOD, b"body"], [b"body", GOOD, b"more"]]
    with suppress_instrumentation():
        for parts in given * 2:
            near.send_multipart(parts)
    assert [far.recv_multipart() for _ in given] == given
    assert [[far.recv() for _ in parts] for parts in given] == given
    far.close()


@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.integers(0, len(GOOD)))
def test_bytes_of_any_content_are_read_without_raising(more: bytes, start: int, end: int) -> None:
    for frame in (more, trailer.MAGIC + more, GOOD[:start] + more + GOOD[end:]):
        found = trailer.unpack(frame)
        if found is not None:
            propagation.extract(found.headers)
            assert set(found.sender) <= set(string.hexdigits)
            assert 0 <= found.sequence < 10**18


def hostile(values: dict[str, str]) -> bytes:
    return trailer.pack(values, ID, 0, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": "nonsense"},
        {"traceparent": "\udcff"},
        {"baggage": "%zz=\x01,;=,"},
        {"": ""},
        {"a": "b" * 9999},
    ],
    ids=str,
)
def test_hostile_headers_break_nothing(sockets: Sockets, recorder: Recorder, headers: dict[str, str]) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with suppress_instrumentation():
        near.send_multipart([b"body", hostile(headers)])
    assert far.recv_multipart() == [b"body"]
    far.close()
    [process] = recorder.processes(1)
    assert (links(process), attribute(process, SENDER)) == ([], ID)


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


def test_suppressed_sends_carry_nothing(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with pytest.raises(TypeError):
        near.send(TEXT)
    with suppress_instrumentation():
        near.send(b"1")
        assert far.recv_multipart() == [b"1"]
    recorder.sends(1)
    recorder.processes(0)


def test_baggage_arrives(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    token = context.attach(baggage.set_baggage("customer", "7, ü"))
    near.send(b"1")
    context.detach(token)
    far.recv()
    assert baggage.get_baggage("customer") == "7, ü"
    far.close()
    assert parent(recorder.processes(1)[0]) == ids(recorder.sends(1)[0])
