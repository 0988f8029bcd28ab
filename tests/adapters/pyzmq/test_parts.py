"""Whatever way an application reads and writes parts, it sees what it would see without us."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from hypothesis import example, given
from hypothesis import strategies as st
from support.spans import ids, links, parent

from adapters.pyzmq.conftest import Sockets, recording_with
from otel_eda.adapters.pyzmq import trailer

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    Far = zmq.Socket[bytes]

BIG = 100_000  # bytes, more than pyzmq copies


def told(frame: Any) -> object:
    """Tell a frame's type, content, and whether more is to come."""
    return (type(frame), bytes(frame), getattr(frame, "more", None), type(getattr(frame, "tracker", None)))


def polled(far: Far) -> object:
    poller = zmq.Poller()
    poller.register(far, zmq.POLLIN)
    return poller.poll(0) == [(far, zmq.POLLIN)]


READS: dict[str, Callable[[Far], object]] = {
    "recv": lambda far: told(far.recv(zmq.NOBLOCK)),
    "recv, by name": lambda far: told(far.recv(flags=zmq.NOBLOCK, copy=True, track=False)),
    "recv, not copied": lambda far: told(far.recv(zmq.NOBLOCK, copy=False)),
    "recv, tracked": lambda far: told(far.recv(zmq.NOBLOCK, False, True)),
    "recv_multipart": lambda far: list(map(told, far.recv_multipart(zmq.NOBLOCK))),
    "recv_multipart, not copied": lambda far: list(map(told, far.recv_multipart(zmq.NOBLOCK, copy=False))),
    "recv_string": lambda far: far.recv_string(zmq.NOBLOCK, "latin-1"),
    "recv_serialized": lambda far: far.recv_serialized(lambda parts: list(map(told, parts)), zmq.NOBLOCK),
    "rcvmore": lambda far: far.rcvmore,
    "getsockopt": lambda far: far.getsockopt(zmq.RCVMORE),
    "get, by name": lambda far: far.get(option=zmq.RCVMORE),
    "events": lambda far: int(far.get(zmq.EVENTS)) & zmq.POLLIN,
    "poll": lambda far: far.poll(0),
    "poller": polled,
    "select": lambda far: zmq.select([far], [], [], 0)[0] == [far],
}
if hasattr(zmq.Socket, "recv_into"):

    def into(far: Far) -> object:
        buffer = bytearray(3)
        return far.recv_into(buffer, flags=zmq.NOBLOCK), bytes(buffer)

    READS["recv_into"] = into


def send_parts(near: zmq.Socket[bytes], parts: list[bytes]) -> None:
    for part in parts[:-1]:
        near.send(part, zmq.SNDMORE)
    near.send(parts[-1])


def send_heads(near: zmq.Socket[bytes], parts: list[bytes]) -> None:
    near.send(parts[0], zmq.SNDMORE if len(parts) > 1 else 0)
    if len(parts) > 1:
        near.send_multipart(parts[1:])


def send_tails(near: zmq.Socket[bytes], parts: list[bytes]) -> None:
    if len(parts) > 1:
        near.send_multipart(parts[:-1], zmq.SNDMORE)
    near.send(parts[-1], copy=False)


WRITES: dict[str, Callable[[zmq.Socket[bytes], list[bytes]], object]] = {
    "send_multipart": lambda near, parts: near.send_multipart(parts),
    "send_multipart, not copied": lambda near, parts: near.send_multipart(parts, copy=False),
    "part by part": send_parts,
    "the first, then the rest": send_heads,
    "the last at last": send_tails,
}
GARBAGE = trailer.MAGIC + b"garbage"
PARTS = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([trailer.MAGIC, GARBAGE, b"\0" * BIG, b"\x00topic", b"\x01", b""]),
)
MESSAGES = st.lists(st.lists(PARTS, min_size=1, max_size=4), max_size=4)


def seen(
    sockets: Sockets, messages: list[list[bytes]], writes: list[str], reads: list[str], kinds: tuple[int, int]
) -> list[object]:
    """Send messages and read; tell what every call gave."""
    far, near = sockets.pair(*kinds)
    for message, write in zip(messages, writes, strict=False):
        WRITES[write](near, message)
    found: list[object] = []
    for read in reads:
        try:
            found.append((read, READS[read](far)))
        except zmq.Again:  # noqa: PERF203
            found.append((read, "again"))
    far.close(0)
    near.close(0)
    return found


@given(
    MESSAGES,
    st.lists(st.sampled_from([*WRITES]), min_size=4, max_size=4),
    st.lists(st.sampled_from([*READS]), max_size=16),
    st.sampled_from([(zmq.PULL, zmq.PUSH), (zmq.PAIR, zmq.PAIR), (zmq.DEALER, zmq.DEALER)]),
    st.booleans(),
)
@example([[b"1", b"2"]], ["send_multipart"] * 4, ["recv", "recv", "poll", "rcvmore"], (zmq.PULL, zmq.PUSH), True)
@example([[b"1", GARBAGE]], ["send_multipart"] * 4, ["recv_multipart"], (zmq.PULL, zmq.PUSH), True)
@example([[b"1"], [b"2", b"3"]], ["part by part"] * 4, ["recv", "recv", "recv_multipart"], (zmq.PULL, zmq.PUSH), True)
def test_every_call_gives_what_it_gave(
    messages: list[list[bytes]], writes: list[str], reads: list[str], kinds: tuple[int, int], propagate: bool
) -> None:
    sockets = Sockets()
    bare = seen(sockets, messages, writes, reads, kinds)
    with recording_with(propagate) as recorder:
        assert seen(sockets, messages, writes, reads, kinds) == bare
        assert not recorder.open()
        recorder.sends(len(messages))
    sockets.close()


def test_a_message_read_in_parts_is_processed_from_its_last(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    for _ in range(2):
        near.send_multipart([b"1", b"2", b"3"])
    counts = []
    for _ in range(6):
        far.recv()
        counts.append(len(recorder.open("process")))
    assert counts == [0, 0, 1, 0, 0, 1]
    far.close()
    assert [parent(span) for span in recorder.processes(2)] == [ids(span) for span in recorder.sends(2)]


def test_a_message_sent_in_parts_is_one(sockets: Sockets, recorder: Recorder) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    near.send(b"1", zmq.SNDMORE)
    near.send_multipart([b"2", b"3"], zmq.SNDMORE)
    assert recorder.ours() == []
    near.send(b"4")
    assert far.recv_multipart() == [b"1", b"2", b"3", b"4"]
    far.close()
    assert links(recorder.processes(1)[0]) == [ids(recorder.sends(1)[0])]


@pytest.mark.parametrize("propagate", [True, False], ids=["with context", "without"])
def test_nothing_is_copied_that_was_not(sockets: Sockets, propagate: bool) -> None:
    far, near = sockets.far(zmq.PULL, zmq.PUSH)
    with recording_with(propagate):
        data = bytearray(BIG)
        tracker = near.send(data, copy=False, track=True)
        assert type(tracker) is zmq.MessageTracker
        received = far.recv(copy=False, track=True)
        assert type(received) is zmq.Frame
        assert (len(received), received.more) == (BIG, False)
        tracker.wait(10)
        frame = zmq.Frame(b"1" * BIG, track=True)
        assert near.send(frame, track=True) is frame.tracker
        assert near.send_multipart([b"1", frame], copy=False, track=True) is frame.tracker
        assert [part.bytes for part in far.recv_multipart(copy=False)] == [frame.bytes]
        assert far.recv() == b"1"
        assert far.recv(copy=False).buffer == frame.buffer
        assert not far.rcvmore
        small = near.send(b"1", copy=False, track=True)
        assert small is not None
        assert small.done
        with pytest.raises(ValueError, match="track"), contextlib.ExitStack():
            near.send(zmq.Frame(b"1"), track=True)


def test_a_plain_peer_gets_one_frame_more(sockets: Sockets) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with recording_with(True):
        near.send_multipart([b"1", b"2"])
    *parts, last = far.recv_multipart()
    assert parts == [b"1", b"2"]
    assert trailer.unpack(last) is not None


def test_a_peer_without_propagation_takes_the_frame_out(sockets: Sockets) -> None:
    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with recording_with(True) as recorder:
        near.send_multipart([b"1", b"2"])
        [send] = recorder.sends(1)
    with recording_with(False) as recorder:
        assert far.recv_multipart() == [b"1", b"2"]
        far.close()
        assert links(recorder.processes(1)[0]) == [ids(send)]


def test_without_an_sdk_the_frame_is_taken_out_too(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    import otel_eda

    far, near = sockets.pair(zmq.PULL, zmq.PUSH)
    with recording_with(True):
        near.send(b"1")
        near.send(b"2")
    otel_eda.enable()
    assert (far.recv(), far.rcvmore, far.recv_multipart()) == (b"1", 0, [b"2"])
    otel_eda.disable()
