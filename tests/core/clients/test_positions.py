"""Who asks a consumer how far it is, where its calls are not safe beside its close."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from core.tinyqueue import Consumer, Queue
from otel_eda.core import Position
from otel_eda.core.clients import client as client_
from otel_eda.core.clients.instances import client_of

if TYPE_CHECKING:
    from support.recorder import Recorder

    from otel_eda.core import Library


pytestmark = pytest.mark.usefixtures("many_turns")


@pytest.fixture
def asked(library: Library, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have the library's consumers be asked by those who use them alone; give the threads that ask."""
    threads: list[int] = []

    def where(consumer: Consumer) -> list[Position]:
        threads.append(threading.get_ident())
        stored = consumer.queue.topics
        return [Position(topic, "0", offset, len(stored[topic])) for topic, offset in consumer.offsets.items()]

    monkeypatch.setattr(library, "positions", where)
    monkeypatch.setattr(library, "confined", True)
    return threads


def lag(recorder: Recorder) -> list[object]:
    """Collect metrics in another thread, as an SDK does; give what they say of the lag."""
    with ThreadPoolExecutor(1) as reader:
        return [getattr(point, "value", None) for point in reader.submit(recorder.points, "eda.consumer.lag").result()]


def test_the_thread_that_collects_metrics_does_not_ask(
    asked: list[int], recorder: Recorder, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_, "POSITION_REFRESH_NS", 3600 * 10**9)  # a busy machine may take long between two polls
    consumer = Consumer(queue, "orders")
    assert lag(recorder) == []
    next(consumer)
    assert lag(recorder) == [2]
    next(consumer)
    assert lag(recorder) == [1]  # though it was not asked again so soon
    consumer.close()
    assert set(asked) == {threading.get_ident()}
    assert len(asked) == 2  # at the first pull and before the close
    (position, *_) = list(recorder.events("eda.consumer.position", "orders"))[-1:]
    assert position["eda.partition.next"] == 2


def test_it_is_asked_now_and_then_as_it_polls(
    asked: list[int], recorder: Recorder, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_, "POSITION_REFRESH_NS", 0)
    consumer = Consumer(queue, "orders")
    for _ in range(3):
        next(consumer)
    assert len(asked) == 3
    consumer.close()


def test_it_is_not_asked_while_another_thread_closes_it(
    asked: list[int], recorder: Recorder, queue: Queue, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_, "POSITION_REFRESH_NS", 0)
    consumer = Consumer(queue, "orders")
    next(consumer)
    pulling, closing = threading.Event(), threading.Event()
    following = consumer._any

    def slow() -> object:
        pulling.set()
        assert closing.wait(5)
        return following()

    monkeypatch.setattr(consumer, "_any", slow)
    with ThreadPoolExecutor(1) as other:
        pulled = other.submit(next, consumer)
        assert pulling.wait(5)
        consumer.close()
        closing.set()
        pulled.result(5)
    assert len(asked) == 2  # at the first pull and before the close, not after the second pull
    assert client_of(consumer, library).closed
    consumer.close()
