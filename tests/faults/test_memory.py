"""What is used does not grow with the number of messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.programs import launched, run
from support.times import times

from faults.conftest import PROGRAMS

if TYPE_CHECKING:
    from brokers.kafka import Kafka

PATIENCE = 90.0  # seconds
SPEED = 400  # messages a second, on the slowest of machines
WARM = 4  # rounds of ten until every cache is filled
LEEWAY = 500  # blocks: a tenth of what would stay if one stayed of each message


def test_memory_stays_flat(kafka: Kafka, topic: str) -> None:
    count = times(10_000)
    # Without exporters: what waits in their queues comes and goes, and is not ours.
    way = launched("", OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none")
    outcome = run(way, PROGRAMS / "many.py", kafka.address, topic, count, patience=PATIENCE + count / SPEED)
    assert (outcome.status, outcome.errors) == (0, "")
    traced, blocks = map(json.loads, outcome.output.splitlines())
    assert traced == 2 * count
    assert max(blocks[WARM:]) - max(blocks[:WARM]) < LEEWAY, blocks
