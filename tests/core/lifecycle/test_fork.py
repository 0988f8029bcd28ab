"""A forked child leaves what its parent began to its parent."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics import Counter, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader, NumberDataPoint
from support.forking import in_child
from support.spans import ids

from core.tinyqueue import Consumer, Producer, Queue
from otel_eda import semconv
from otel_eda.core.lifecycle import shutdown
from otel_eda.core.process import processing
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from support.recorder import Recorder

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
COUNTED = (semconv.SENT, semconv.CONSUMED, semconv.PROCESS_DURATION)


def test_the_child_of_a_body_does_not_end_the_parents_span(queue: Queue, recorder: Recorder) -> None:
    def leave() -> int:
        loops.clear()
        gc.collect()
        shutdown.end_everything()
        return len(recorder.ours())

    loops = [iter(Consumer(queue, "orders"))]
    next(loops[0])
    assert in_child(leave) == "0"
    (open_,) = recorder.open("process")
    loops.clear()
    (span,) = recorder.processes(1)
    assert ids(span) == ids(open_)


def test_the_child_goes_on_with_the_loop_without_ending_the_parents_span(queue: Queue, recorder: Recorder) -> None:
    loops = [iter(Consumer(queue, "orders"))]
    next(loops[0])
    child = in_child(lambda: [len([*map(id, loops[0])]), [span.name for span in recorder.ours()]])
    assert child == "[2, ['process orders', 'process orders']]"
    loops.clear()
    recorder.processes(1)


def test_the_child_does_not_end_what_the_parent_sends(recorder: Recorder) -> None:
    producer = Producer(Queue(), linger=True)
    producer.send("orders")

    def leave() -> int:
        producer.close()
        shutdown.end_everything()
        return len(recorder.ours())

    assert in_child(leave) == "0"
    producer.flush()
    recorder.sends(1)


def test_the_child_does_not_end_what_the_parent_processes_manually(queue: Queue, recorder: Recorder) -> None:
    from otel_eda import process

    by_hand = process(object(), destination="orders")

    def leave() -> int:
        by_hand.__exit__(None, None, None)
        return len(recorder.ours())

    with by_hand:
        assert in_child(leave) == "0"
    recorder.processes(1)


def test_the_child_begins_with_nothing_open(queue: Queue, recorder: Recorder) -> None:
    loop = iter(Consumer(queue, "orders"))
    next(loop)
    assert len(processing.open_processings) == 1
    assert in_child(lambda: len(processing.open_processings)) == "0"
    assert len(processing.open_processings) == 1
    del loop


def test_the_child_has_spans_of_its_own(queue: Queue, recorder: Recorder) -> None:
    def consume() -> list[str]:
        for _ in Consumer(queue, "orders"):
            pass
        return [span.name for span in recorder.ours()]

    assert in_child(consume) == repr(["process orders"] * 3)
    recorder.processes(0)


if sys.version_info >= (3, 12):

    def test_exceptions_are_recorded_in_the_child(queue: Queue, recorder: Recorder) -> None:
        def fail() -> list[object]:
            try:
                for _ in Consumer(queue, "orders"):
                    raise ValueError
            except ValueError:
                pass
            return [(span.attributes or {}).get("error.type") for span in recorder.ours()]

        assert in_child(fail) == "['ValueError']"


def test_the_child_counts_from_zero(recorder: Recorder) -> None:
    def go_on() -> list[list[int]]:
        before = [recorder.count(name) for name in COUNTED]
        work()
        return [before, [recorder.count(name) for name in COUNTED]]

    def work() -> None:
        queue = Queue()
        Producer(queue).send("orders")
        for _ in Consumer(queue, "orders"):
            pass

    work()
    work()
    assert [recorder.count(name) for name in COUNTED] == [2, 2, 2]
    work()
    assert in_child(go_on) == "[[0, 0, 0], [1, 1, 1]]"
    assert [recorder.count(name) for name in COUNTED] == [3, 3, 3]


def test_the_child_counts_from_zero_where_differences_are_exported() -> None:
    reader = InMemoryMetricReader(
        {Counter: AggregationTemporality.DELTA, ObservableCounter: AggregationTemporality.DELTA}
    )
    provider = MeterProvider([reader], shutdown_on_exit=False)
    telemetry = Telemetry("tinyqueue")
    telemetry.set_providers(None, provider)
    scope = telemetry.find_scope()
    assert scope is not None
    count = scope.metrics.sent.count_for({"messaging.system": "tinyqueue"})

    def send(number: int) -> int:
        count.number += number
        data = reader.get_metrics_data()
        assert data is not None
        (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
        (point,) = metric.data.data_points
        assert isinstance(point, NumberDataPoint)
        return int(point.value)

    assert send(5) == 5
    assert in_child(lambda: send(2)) == "2"
    assert send(1) == 1
    provider.shutdown()
