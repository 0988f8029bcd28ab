"""Functions of a library that are replaced, or run without being observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.recorder import recording
from support.spans import parent

from core import adapter
from core.tinyqueue import Consumer, Queue
from otel_eda import suite
from otel_eda.core import ReceiveOne, Replace, within
from otel_eda.core.runtime import operations

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def test_within_hides_what_a_library_does_by_itself(queue: Queue, library: object) -> None:
    def inner() -> bool:
        return operations.sending()

    assert within(inner)
    assert not inner()
    with recording() as recorder:
        consumer = Consumer(queue, "orders")
        assert within(next, consumer).value == 1
        assert next(consumer).value == 2
        consumer.close()
        [process] = recorder.processes(1)
        assert parent(process) is None


def test_a_change_stands_in_for_a_function_while_it_is_on(monkeypatch: pytest.MonkeyPatch, queue: Queue) -> None:
    def twice(original: Callable[..., Any], *args: Any) -> Any:
        original(*args)
        return original(*args)

    made = adapter.library()
    made.shapes = [
        Replace(shape, twice) if isinstance(shape, ReceiveOne) and shape.target.endswith("Consumer.__next__") else shape
        for shape in made.shapes
    ]
    monkeypatch.setitem(suite.LIBRARIES, made.name, made)
    monkeypatch.setattr(suite, "NAMES", (*suite.NAMES, made.name))
    original = Consumer.__next__
    consumer = Consumer(queue, "orders")
    with recording() as recorder:
        assert next(consumer).value == 2
        assert len(recorder.open("process")) == 1
    assert Consumer.__next__ is original
    assert next(consumer).value == 3
