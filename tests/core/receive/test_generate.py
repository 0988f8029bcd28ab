"""A generator's loop, and pulls that are read by their arguments."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import attribute, current, ids, parent

from core.deliveries import CONSUMED, FIRST, SECOND

if TYPE_CHECKING:
    from support.recorder import Recorder

    from core.tinyqueue import Channel


def test_a_generators_loop_is_a_loop(channel: Channel, recorder: Recorder) -> None:
    seen = []
    for delivery, _ in channel.listen("orders", patience=1):
        seen.append(current())
        if delivery:
            channel.ack(delivery.tag)
    spans = recorder.processes(2)
    assert seen == [*(ids(span) for span in spans), (0, 0)]
    assert [parent(span) for span in spans] == [FIRST, SECOND]
    assert [parent(span) for span in recorder.settles(2)] == [ids(span) for span in spans]
    recorder.counted(CONSUMED, 2, "orders")


def test_a_generator_that_is_kept_goes_on(channel: Channel, recorder: Recorder) -> None:
    kept = channel.listen("orders")
    assert inspect.isgenerator(kept)
    for _ in kept:
        break
    recorder.processes(1)
    for _ in kept:
        assert len(recorder.open("process")) == 1
    recorder.processes(2)
    assert [*kept] == []


def test_a_generator_is_pulled_from(channel: Channel, recorder: Recorder) -> None:
    kept = channel.listen("orders")
    assert next(kept)[1] == FIRST
    assert next(kept)[1] == SECOND
    recorder.processes(1)
    kept.close()
    assert [parent(span) for span in recorder.processes(2)] == [FIRST, SECOND]
    with pytest.raises(StopIteration):
        next(kept)
    assert current() == (0, 0)


def test_a_wrong_call_is_the_librarys_to_refuse(channel: Channel, recorder: Recorder) -> None:
    wrong: Any = channel
    with pytest.raises(TypeError):
        wrong.listen()
    with pytest.raises(TypeError):
        wrong.get()
    with pytest.raises(ValueError, match="which topic"):
        channel.get("")
    assert [attribute(span, "error.type") for span in recorder.receives(2)] == ["TypeError", "ValueError"]


def test_nothing_there_is_no_message(channel: Channel, recorder: Recorder) -> None:
    assert channel.get("refunds") == (None, None)
    assert recorder.ours() == []
