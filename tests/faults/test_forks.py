"""A process forks in the middle of a loop's body; parent and child go on with clients of their own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.programs import BARE, Received, launched, run, running
from support.waiting import until

from faults.conftest import PROGRAMS
from otel_eda.otlp import Receiver
from otel_eda.otlp import grpc as over_grpc

if TYPE_CHECKING:
    from brokers.kafka import Kafka
    from conftest import Topics
    from support.programs import Outcome, Way

OFFSET = "messaging.kafka.offset"
# The SDK of a child that is forked during a collection waits half a minute at its end for a lock that nobody holds.
NEVER = {"OTEL_METRIC_EXPORT_INTERVAL": "3600000"}


def forks(way: Way, received: Received, program: str, *arguments: str) -> Outcome:
    with running(way, PROGRAMS / program, *arguments) as started:
        started.wait_for("child is done")
        if way is not BARE:  # a child may end without a word, so what it did is to be exported before
            until(lambda: received.of("process") and len(received.of("send")) == 2, "what the child did to be exported")
        started.go_on()
        return started.finish()


@pytest.mark.parametrize(("how", "status"), [("_exit", 7), ("sys.exit", 7), ("multiprocessing", 0)])
def test_each_process_ends_its_own_spans_once(
    *, kafka: Kafka, topics: Topics, endpoint: str, received: Received, how: str, status: int
) -> None:
    bare = forks(BARE, received, "forks.py", kafka.address, topics(), how)
    instrumented = forks(launched(endpoint, **NEVER), received, "forks.py", kafka.address, topics(), how)
    assert instrumented == bare
    assert f"child ends with {status}" in bare.output.splitlines()
    assert not received.twice()
    assert [span.attributes[OFFSET] for span in received.of("send")] == [0, 1, 2]
    assert sorted(int(str(span.attributes[OFFSET])) for span in received.of("process")) == [0, 0, 1, 2]
    assert not any(span.error for span in received.ours())
    parents = [span for span in received.of("process") if span.attributes[OFFSET] == 0]
    longest = max(parents, key=lambda span: span.duration)
    assert longest.end >= max(span.end for span in received.of("send"))  # the parent's body, not cut off by the child
    sends = {span.attributes[OFFSET]: span for span in received.of("send")}
    assert sends[1].trace_id == sends[2].trace_id == sends[0].trace_id


@pytest.mark.parametrize(("how", "end"), [("fork", "well"), ("fork", "error"), ("spawn", "well"), ("celery", "well")])
def test_what_a_child_of_multiprocessing_does_last_is_exported(
    *, kafka: Kafka, topics: Topics, endpoint: str, received: Received, how: str, end: str
) -> None:
    def outcome(way: Way) -> Outcome:
        with running(way, PROGRAMS / "multiprocess.py", kafka.address, topics(), how, end) as started:
            return started.finish()

    bare, instrumented = outcome(BARE), outcome(launched(endpoint, **NEVER, OTEL_BSP_SCHEDULE_DELAY="3600000"))
    assert (instrumented.status, instrumented.output) == (bare.status, bare.output)
    assert f"child ends with {1 if end == 'error' else 0}" in bare.output.splitlines()
    assert not received.twice()
    assert [span.attributes[OFFSET] for span in received.of("process")] == [0, 1]
    assert [bool(span.error) for span in received.of("process")] == [False, end == "error"]


@pytest.mark.parametrize(
    ("library", "broker", "destinations"), [("aiokafka", "kafka", "topics"), ("aio-pika", "rabbitmq", "queues")]
)
def test_the_child_of_a_task_has_a_loop_of_its_own(
    *,
    request: pytest.FixtureRequest,
    endpoint: str,
    received: Received,
    library: str,
    broker: str,
    destinations: str,
) -> None:
    address, make = request.getfixturevalue(broker).address, request.getfixturevalue(destinations)
    bare = forks(BARE, received, "task_forks.py", library, address, make(), make())
    instrumented = forks(launched(endpoint, **NEVER), received, "task_forks.py", library, address, make(), make())
    assert instrumented == bare
    assert bare.output.splitlines()[-2:] == ["child ends with 7", "parent reads b'2'"]
    assert not received.twice()
    assert not any(span.error for span in received.ours())
    sends, processes = received.of("send"), received.of("process")
    assert [span.parent_id for span in processes] == [span.span_id for span in sends]
    forked, *_ = processes
    assert [span.parent_id for span in sends] == ["", forked.span_id, forked.span_id]
    assert forked.end >= max(span.end for span in sends)  # the parent's body, not cut off by the child


def test_a_child_exports_by_connections_of_its_own(endpoint: str, received: Received) -> None:
    # The parent's is open by then. Requests of two processes in it would be mixed, and refused.
    with running(launched(endpoint, **NEVER, OTEL_BSP_SCHEDULE_DELAY="20"), PROGRAMS / "export_forks.py") as started:
        started.wait_for("before")
        until(lambda: len(received.ours()) >= 200, "what was dispatched to be exported")
        started.go_on()
        outcome = started.finish()
    assert (outcome.status, outcome.errors) == (0, "")
    assert not received.twice()
    names = Counter(span.name for span in received.ours())
    assert names == {"send order.placed": 500, "process order.placed": 500}


def test_a_child_exports_by_a_channel_of_its_own() -> None:
    # Up to version 1.80, and with GRPC_ENABLE_FORK_SUPPORT=1, gRPC closes the parent's in the child.
    received = Received()
    with over_grpc.serving(Receiver([received])) as url:
        outcome = run(BARE, PROGRAMS / "grpc_forks.py", url)
    assert outcome.output.splitlines() == ["before: True", "child: False", "after: True", "child ends with 0"]
    assert [span.name for span in received.ours()] == ["send order.placed", "process order.placed"] * 3
