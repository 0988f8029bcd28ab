"""Hooks: functions of the application that are called with the spans of messages."""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest
from support.recorder import recording
from support.spans import attribute, ids
from support.spans import current as current_ids

import otel_eda
from core.tinyqueue import AsyncConsumer, AsyncProducer, Consumer, Producer, Queue
from otel_eda import Hooks, suite

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from otel_eda.core import Library

called: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_called() -> None:
    called.clear()


def note(span: Span, about: Any) -> None:
    """Mark the span, and keep what the hook was told."""
    called.append(about)
    span.set_attribute("app.called", len(called))


async def note_async(span: Span, about: Any) -> None:
    note(span, about)


async def note_late(span: Span, about: Any) -> None:
    await asyncio.sleep(0.01)
    note(span, about)


def handled(record: Any) -> object:
    """Process a message, as an application would."""
    return record.value


def exchange(queue: Queue) -> list[object]:
    """Send two messages, and process them."""
    for value in "ab":
        Producer(queue).send("orders", value)
    found = []
    for record in Consumer(queue, "orders"):
        found.append(handled(record))  # noqa: PERF401  # a body that works, unlike a copy's
    return found


async def exchange_async(queue: Queue) -> list[object]:
    for value in "ab":
        await AsyncProducer(queue).send("orders", value)
    found = []
    async for record in AsyncConsumer(queue, "orders"):
        found.append(handled(record))  # noqa: PERF401
    return found


def test_a_hook_gets_the_span_and_the_message(library: Library) -> None:
    with recording(hooks=Hooks(note, note)) as recorder:
        assert exchange(Queue()) == ["a", "b"]
        spans = [*recorder.sends(2), *recorder.processes(2)]
    assert [attribute(span, "app.called") for span in spans] == [1, 2, 3, 4]
    sent, _, record, _ = called
    assert (sent, sent.args, sent.kwargs) == ({"topic": "orders", "value": "a"}, ("orders", "a"), {})
    assert (record.topic, record.value) == ("orders", "a")


def test_arguments_are_told_by_their_names_however_they_were_given(library: Library) -> None:
    with recording(hooks=Hooks(send=note)):
        Producer(Queue()).send("orders", headers=[], value="a")
    (sent,) = called
    assert (sent, sent.args) == ({"topic": "orders", "headers": [], "value": "a"}, ("orders",))


@pytest.mark.parametrize("hook", [note, note_async, note_late])
def test_a_hook_of_an_event_loop_is_done_before_its_span_ends(library: Library, hook: Any) -> None:
    with recording(hooks=Hooks(hook, hook)) as recorder:

        async def main() -> list[object]:
            found = await exchange_async(Queue())
            await asyncio.sleep(0.1)
            return found

        assert asyncio.run(main()) == ["a", "b"]
        spans = [*recorder.sends(2), *recorder.processes(2)]
        assert not recorder.open()
    assert sorted(attribute(span, "app.called") for span in spans) == [1, 2, 3, 4]  # type: ignore[type-var]


def test_no_message_waits_for_a_hook(library: Library) -> None:
    asked = asyncio.Event()

    async def wait(*_: Any) -> None:
        await asked.wait()

    async def main(recorder: Any) -> None:
        assert await asyncio.wait_for(exchange_async(Queue()), 10) == ["a", "b"]
        assert len(recorder.open()) == 4
        asked.set()
        await asyncio.sleep(0.01)
        assert not recorder.open()

    with recording(hooks=Hooks(wait, wait)) as recorder:
        asyncio.run(main(recorder))
        for span in (*recorder.sends(2), *recorder.processes(2)):
            assert (span.end_time or 0) - (span.start_time or 0) < 10e9


def test_a_hook_that_goes_on_for_ever_keeps_no_span_open(library: Library) -> None:
    async def wait(*_: Any) -> None:
        await asyncio.Event().wait()

    with recording(hooks=Hooks(process=wait)) as recorder:
        loop = asyncio.new_event_loop()
        queue = Queue()
        loop.run_until_complete(exchange_async(queue))
        assert len(recorder.open("process")) == 2
        otel_eda.disable()
        recorder.processes(2)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def test_an_async_hook_is_run_where_there_is_no_event_loop(library: Library) -> None:
    with recording(hooks=Hooks(note_async, note_async)) as recorder:
        exchange(Queue())
        assert [attribute(span, "app.called") for span in recorder.processes(2)] == [3, 4]


@pytest.mark.parametrize("hook", [note_late, lambda *_: 1 / 0])
def test_a_hook_that_fails_is_told_once_and_costs_its_attributes(
    library: Library, hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with recording(hooks=Hooks(hook, hook), strict=False, quiet=False) as recorder:
        assert exchange(Queue()) == ["a", "b"]
        recorder.sends(2)
        recorder.processes(2)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert called == []


def test_an_async_hook_that_fails_is_told(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    async def fail(*_: Any) -> None:
        await asyncio.sleep(0)
        raise ValueError("mine")

    async def main() -> None:
        await exchange_async(Queue())
        await asyncio.sleep(0.05)

    with recording(hooks=Hooks(fail, fail), strict=False, quiet=False) as recorder:
        asyncio.run(main())
        recorder.sends(2)
        recorder.processes(2)
    assert "mine" in caplog.text


def test_the_span_is_current_in_an_async_hook(library: Library) -> None:
    async def tell(*_: Any) -> None:
        called.append(current_ids())

    with recording(hooks=Hooks(process=tell)) as recorder:
        asyncio.run(exchange_async(Queue()))
        assert called == [ids(span) for span in recorder.processes(2)]


def name(points: list[EntryPoint], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have entry points name hooks, as installed packages do."""
    monkeypatch.setattr(suite, "entry_points", lambda group: points if group == suite.HOOKS else [])
    monkeypatch.setattr(suite, "hook_points", suite.hook_points.__wrapped__)  # which keeps what it found before


def test_entry_points_name_hooks(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("process", f"{__name__}:note", suite.HOOKS)]
    name(points, monkeypatch)
    with recording() as recorder:
        exchange(Queue())
        recorder.sends(2)
    assert [record.value for record in called] == ["a", "b"]


def test_an_entry_point_that_cannot_be_loaded_is_told(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    points = [EntryPoint("send", "nowhere:hook", suite.HOOKS)]
    name(points, monkeypatch)
    with recording(quiet=False) as recorder:
        exchange(Queue())
        recorder.sends(2)
    assert "send = nowhere:hook cannot be loaded" in caplog.text


def test_nothing_is_left_of_hooks_when_switched_off(library: Library) -> None:
    with recording(hooks=Hooks(note, note)):
        pass
    with recording() as recorder:
        exchange(Queue())
        recorder.sends(2)
    assert called == []
