"""A hot key, and a member that joins and leaves: seen in lag by partition, in assignments, and by the diagnosis."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import pytest
from support.programs import HOST, PATIENCE, run, running
from support.scene import EXAMPLES, announced, promised, scene
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from support.programs import Program
    from support.scene import Scene

PROGRAMS = EXAMPLES / "partitions"
COUNT = 1200
PARTITIONS = ("0", "1", "2", "3")
HASHES = {"OTEL_EDA_CAPTURE_KEY": "hash", "OTEL_EDA_HASH_KEY": "shared"}
METRICS = {"OTEL_EDA_PARTITION_METRICS": "1"}
SOON = {"OTEL_METRIC_EXPORT_INTERVAL": "500"}
EVENTS = {"OTEL_LOGS_EXPORTER": "otlp_proto_http", "OTEL_BLRP_SCHEDULE_DELAY": "100"}


class Readers:
    """The members of the group, and what their metrics say."""

    def __init__(self, stage: Scene) -> None:
        self.stage = stage
        self.at = "--broker", stage.kafka.address, "--readings", stage.topic("readings", len(PARTITIONS))

    @contextmanager
    def member(self, name: str) -> Iterator[Program]:
        """Have a member run for the length of the block."""
        resource = {"OTEL_RESOURCE_ATTRIBUTES": f"{HOST},service.instance.id={name}"}
        way = self.stage.way("reader", **HASHES, **METRICS, **SOON, **EVENTS, **resource)
        with running(way, PROGRAMS / "reader.py", *self.at) as program:
            yield program
            program.signal(signal.SIGINT)
            done = program.finish()
            # The SDK warns of metrics that take longer than their interval, as on a busy machine they may.
            assert done.status == 0, done.errors

    def measure(self) -> None:
        """Have the sensors publish."""
        done = run(self.stage.way("sensors", **HASHES, **METRICS), PROGRAMS / "sensors.py", *self.at)
        assert done.status == 0, done.errors

    def assigned(self, member: str) -> float:
        return self.stage.metric("eda.consumer.partition.count", "reader", service_instance_id=member)

    def by_partition(self, name: str, service: str = "reader") -> dict[str, float]:
        """Give what a service's metric says of each partition."""
        return self._each(self.stage.metric, name, service)

    def lag(self) -> dict[str, float]:
        return self.by_partition("eda.consumer.lag")

    def peaks(self) -> dict[str, float]:
        """Give the greatest lag that each partition ever had."""
        return self._each(self.stage.peak, "eda.consumer.lag", "reader")

    @staticmethod
    def _each(ask: Callable[..., float], name: str, service: str) -> dict[str, float]:
        found = {
            partition: ask(name, service, messaging_destination_partition_id=partition) for partition in PARTITIONS
        }
        return {partition: value for partition, value in found.items() if value}


@pytest.mark.timeout(240)
def test_partitions(kafka: Kafka, jaeger: Jaeger, tmp_path: Path) -> None:
    with scene(kafka, jaeger, tmp_path) as stage:
        readers = Readers(stage)
        with readers.member("one") as one:
            until(lambda: readers.assigned("one") == 4, "one member to have all", PATIENCE)
            with readers.member("two") as two:
                until(lambda: readers.assigned("one") == readers.assigned("two") == 2, "each to have half", PATIENCE)
                readers.measure()
                sent = readers.by_partition("messaging.client.sent.messages", "sensors")
                hot = max(sent, key=lambda partition: sent[partition])
                until(lambda: readers.peaks().get(hot, 0) > COUNT / 10, "the hot partition to lag", PATIENCE)
                until(lambda: read(one) + read(two) == COUNT, "all to be read", PATIENCE)
                until(lambda: not readers.lag(), "no lag", PATIENCE)
                name = "messaging.client.consumed.messages"
                until(lambda: readers.by_partition(name) == sent, "all that was sent to be consumed", PATIENCE)
            until(lambda: readers.assigned("one") == 4, "the one to have all again", PATIENCE)
            behind = readers.peaks()
            # All, none, half, none, all.
            until(
                lambda: stage.metric("eda.consumer.assignments", "reader", service_instance_id="one") == 5,
                "assignments",
                PATIENCE,
            )
            assert stage.metric("eda.consumer.unassigned.time", "reader", service_instance_id="one") > 0
        spans = stage.spans("sensors", 2 * COUNT)
    assert sum(sent.values()) == COUNT
    assert sent[hot] > COUNT / 2
    assert max(behind, key=lambda partition: behind[partition]) == hot
    assert set(stage.traces(spans)) == set(promised("partitions"))
    check_events(stage)
    found, *waiting = stage.diagnose()
    assert {one.code for one in waiting} <= {"EDA501"}  # by how much, and whether at all, depends on the machine
    assert stage.said((found,)) == announced("partitions")
    assert (found.partition, found.count) == (hot, sent[hot])
    assert found.key is not None
    assert "one key has most" in found.cause


def read(program: Program) -> int:
    """Give how many a member has committed, by its own account."""
    return max((int(line.split()[0]) for line in program.output.splitlines() if line.endswith("read")), default=0)


def check_events(stage: Scene) -> None:
    """Check that the events tell which partitions the first member had, one after the other."""
    told = stage.ask(
        """SELECT name, partition_id FROM events WHERE instance = 'one'
           AND name IN ('eda.consumer.assigned', 'eda.consumer.revoked') ORDER BY time"""
    )
    changes = [(name, {partition for _, partition in group}) for name, group in groupby(told, itemgetter(0))]
    assert [name for name, _ in changes] == ["eda.consumer.assigned", "eda.consumer.revoked"] * 3
    assert [len(partitions) for _, partitions in changes] == [4, 4, 2, 2, 4, 4]
