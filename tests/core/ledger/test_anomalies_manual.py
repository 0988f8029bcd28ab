"""What the application processes with `otel_eda.process` arrives in the ledger."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint
from support.spans import attribute

import otel_eda
from core.ledger.test_anomalies import WorkError, facts
from core.tinyqueue import Consumer, Queue, Record
from otel_eda import config
from otel_eda.config import Config

if TYPE_CHECKING:
    from support.recorder import Recorder


@pytest.fixture
def consumer(queue: Queue, recorder: Recorder) -> Consumer:
    return Consumer(queue, "orders")


def test_a_committed_message_is_not_skipped_while_a_thread_is_at_work(consumer: Consumer, recorder: Recorder) -> None:
    go = threading.Event()
    threads = []

    def handle(message: Record) -> None:
        with otel_eda.process(message):
            go.wait(10)

    for message in consumer:
        threads.append(threading.Thread(target=handle, args=(message,)))
        threads[-1].start()
    del message
    consumer.commit()
    assert facts(recorder) == {}
    go.set()
    for thread in threads:
        thread.join()
    assert facts(recorder) == {}


def test_what_a_thread_fails_with_after_the_commit_is_skipped(consumer: Consumer, recorder: Recorder) -> None:
    kept = [message for message in consumer.poll()["orders"] if message]
    consumer.commit()
    with pytest.raises(WorkError), otel_eda.process(kept[1]):
        raise WorkError
    for message in (kept[0], kept[2]):
        with otel_eda.process(message):
            pass
    assert facts(recorder) == {"skipped": 1}


def test_the_wait_for_a_worker_is_no_processing(consumer: Consumer, recorder: Recorder) -> None:
    kept = [message for message in consumer if message]
    begun = time.time_ns()
    for message in kept:
        with otel_eda.process(message):
            pass
    consumer.close()
    taken = time.time_ns() - begun
    for span in recorder.processes(3):
        assert span.start_time is not None
        assert float(str(attribute(span, "eda.process.wait"))) * 1e9 + 1e3 >= begun - span.start_time
    points = recorder.points("messaging.process.duration")
    assert 0 < sum(point.sum for point in points if isinstance(point, HistogramDataPoint)) * 1e9 <= taken


def test_a_message_that_its_loop_still_holds_has_not_waited(consumer: Consumer, recorder: Recorder) -> None:
    for message in consumer:
        with otel_eda.process(message):
            pass
    assert [attribute(span, "eda.process.wait") for span in recorder.processes(3)] == [None] * 3


def test_another_manual_attempt_is_no_delivery(consumer: Consumer, recorder: Recorder) -> None:
    for message in consumer:
        for _ in range(2):
            with otel_eda.process(message):
                pass
    consumer.close()
    assert facts(recorder) == {}


def test_workers_that_take_messages_of_a_key_in_another_order(
    queue: Queue, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Record, "key", b"c-17", raising=False)
    monkeypatch.setattr(config, "_current", Config(strict=True, capture_key="hash"))
    consumer = Consumer(queue, "orders")
    first, second, third = [message for message in consumer if message]
    with otel_eda.process(second), otel_eda.process(third):
        pass
    with otel_eda.process(first):
        pass
    assert facts(recorder) == {"out_of_order": 1}
    consumer.close()
