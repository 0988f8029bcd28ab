"""The frame that carries context: only what is exactly one is taken for one."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, context
from opentelemetry.instrumentation.utils import suppress_instrumentation
from support.spans import attribute, ids, links, parent

from otel_eda.adapters.pyzmq import trailer
from otel_eda.core import propagation

if TYPE_CHECKING:
    from support.recorder import Recorder

    from adapters.pyzmq.conftest import Sockets

SENDER = "eda.sender.id"
ID = "0123456789abcdef"
GOOD = trailer.pack({"traceparent": "00-0000000000000000000000000000000a-000000000000000b-01"}, ID, 7, 1)
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
    assert len(packed) <= trailer.MAX_BYTES
    found = trailer.unpack(packed)
    assert found is not None
    assert len(found.headers) <= min(len(headers), trailer.MAX_HEADERS)


def test_headers_that_are_too_long_are_left_out() -> None:
    found = trailer.unpack(trailer.pack({"a": "1", "b": "2" * trailer.MAX_BYTES}, ID, 0, 0))
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
    "too many headers": GOOD + b"\0a\0b" * trailer.MAX_HEADERS,
    "too long": GOOD + b"\0a\0" + b"b" * trailer.MAX_BYTES,
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


def test_suppressed_sends_carry_nothing(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with pytest.raises(TypeError):
        near.send("text")  # type: ignore[call-overload]  # which is refused
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
