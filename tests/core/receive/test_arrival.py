"""A pull that runs code of the application's for a message says that it has arrived: its process span begins then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from support.spans import attribute, current, ids

from core import framework
from core.framework import Stream
from core.tinyqueue import Producer, Queue
from core.tinyqueue.clients import Reader
from otel_eda import suite

if TYPE_CHECKING:
    from support.recorder import Recorder
    from support.spans import Ids

    from otel_eda.core import Library


@pytest.fixture(autouse=True)
def frame(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Have the suite know the framework as well as its client."""
    made = framework.library()
    monkeypatch.setitem(suite.LIBRARIES, made.name, made)
    monkeypatch.setattr(suite, "NAMES", (*suite.NAMES, made.name))
    return made


@pytest.fixture
def seen() -> list[Ids]:
    """The current span of each call of a processor, and of each pass of a loop."""
    return []


def run(stream: Stream, seen: list[Ids]) -> list[object]:
    async def consume() -> list[object]:
        values = []
        async for value in stream:
            seen.append(current())
            values.append(value)
        return values

    return asyncio.run(consume())


def test_its_process_span_is_around_the_processors_and_the_loops_body(
    queue: Queue, recorder: Recorder, seen: list[Ids]
) -> None:
    def note(_: object) -> bool:
        seen.append(current())
        return True

    assert run(Stream(Reader(queue, "orders"), note), seen) == [1, 2, 3]
    assert seen == [ids(span) for span in recorder.processes(3) for _ in range(2)]
    assert recorder.count("messaging.client.consumed.messages", "orders") == 3


def test_what_a_processor_sends_is_in_the_trace(queue: Queue, recorder: Recorder, seen: list[Ids]) -> None:
    def forward(value: object) -> bool:
        Producer(queue).send("bills", value)
        return False

    assert run(Stream(Reader(queue, "orders"), forward), seen) == []
    assert [span.parent.span_id for span in recorder.sends(3) if span.parent] == [
        ids(span)[1] for span in recorder.processes(3)
    ]


def test_a_message_that_is_filtered_out_is_done_when_the_next_one_arrives(
    queue: Queue, recorder: Recorder, seen: list[Ids]
) -> None:
    assert run(Stream(Reader(queue, "orders"), lambda value: value == 2), seen) == [2]
    first, second, third = recorder.processes(3)
    assert seen == [ids(second)]
    assert [attribute(span, "error.type") for span in (first, second, third)] == [None] * 3


@pytest.mark.parametrize(
    ("error", "outcome"), [(KeyError("card"), ("KeyError", None)), (asyncio.CancelledError(), (None, True))]
)
def test_what_a_processor_raises_is_the_messages_outcome(
    error: BaseException, outcome: tuple[object, object], queue: Queue, recorder: Recorder, seen: list[Ids]
) -> None:
    def fail(_: object) -> bool:
        raise error

    with pytest.raises(type(error)):
        run(Stream(Reader(queue, "orders"), fail), seen)
    (span,) = recorder.processes(1)
    assert (attribute(span, "error.type"), attribute(span, "eda.process.abandoned")) == outcome


def test_a_loop_that_is_left_ends_its_last_process_span(queue: Queue, recorder: Recorder) -> None:
    async def consume() -> None:
        async for _ in Stream(Reader(queue, "orders")):
            break

    asyncio.run(consume())
    recorder.processes(1)


def test_an_arrival_outside_of_a_loop_is_none_of_ours(queue: Queue, recorder: Recorder) -> None:
    async def pull() -> None:
        values = Stream(Reader(queue, "orders"))._values()
        assert await anext(values) == 1
        await values.aclose()  # type: ignore[attr-defined]  # it is a generator

    asyncio.run(pull())
    assert recorder.ours() == []
