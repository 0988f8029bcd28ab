"""A process forks in the middle of a loop's body; parent and child go on with clients of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.programs import BARE, launched, running
from support.waiting import until

from faults.conftest import PROGRAMS

if TYPE_CHECKING:
    from brokers.kafka import Kafka
    from conftest import Topics
    from support.programs import Outcome, Received, Way

OFFSET, ABANDONED = "messaging.kafka.offset", "eda.process.abandoned"


def forks(way: Way, kafka: Kafka, topic: str, how: str, received: Received) -> Outcome:
    with running(way, PROGRAMS / "forks.py", kafka.address, topic, how) as program:
        program.wait_for("child is done")
        if way is not BARE:  # a child may end without a word, so what it did is to be exported before
            until(lambda: received.of("process") and len(received.of("send")) == 2, "what the child did to be exported")
        program.go_on()
        return program.finish()


@pytest.mark.parametrize(("how", "status"), [("_exit", 7), ("sys.exit", 7), ("multiprocessing", 0)])
def test_each_process_ends_its_own_spans_once(
    *, kafka: Kafka, topics: Topics, endpoint: str, received: Received, how: str, status: int
) -> None:
    bare = forks(BARE, kafka, topics(), how, received)
    instrumented = forks(launched(endpoint), kafka, topics(), how, received)
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
