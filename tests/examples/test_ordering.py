"""The order within a key: kept by a pool of workers, and broken by it; then it is seen."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from support.programs import run, running
from support.scene import EXAMPLES, announced, promised, scene

from otel_eda.diagnosis.finding import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from support.scene import Scene

ORDERING = EXAMPLES / "ordering"
COUNT = 100


def book(stage: Scene, *how: str) -> list[str]:
    """Have the bank publish and the accounts book; gives which movements were late."""
    at = "--broker", stage.kafka.address, "--movements", stage.topic("movements")
    assert run(stage.way("bank"), ORDERING / "bank.py", *at).status == 0
    with running(stage.way("accounts", OTEL_EDA_CAPTURE_KEY="hash"), ORDERING / "accounts.py", *at, *how) as program:
        program.wait_for(f"{COUNT} movements booked")
        program.signal(signal.SIGINT)
        done = program.finish()
    assert (done.status, done.errors) == (0, "")
    return [line for line in done.output.splitlines() if line.endswith("late")]


def test_the_order_is_kept(kafka: Kafka, jaeger: Jaeger, tmp_path: Path) -> None:
    with scene(kafka, jaeger, tmp_path) as stage:
        assert book(stage) == []
        spans = stage.spans("bank", 2 * COUNT)
    assert stage.traces(spans) == promised("ordering") * COUNT
    assert stage.metric("messaging.process.duration", "accounts") == COUNT
    assert stage.metric("eda.out_of_order.messages", "accounts") == 0
    assert stage.diagnose() == ()


def test_the_order_is_broken(kafka: Kafka, jaeger: Jaeger, tmp_path: Path) -> None:
    with scene(kafka, jaeger, tmp_path) as stage:
        assert book(stage, "--scatter") != []
        spans = stage.spans("bank", 2 * COUNT)
    assert stage.traces(spans) == promised("ordering") * COUNT
    late = [span for span in spans if span.attributes.get("eda.message.out_of_order")]
    assert 0 < len(late) == stage.metric("eda.out_of_order.messages", "accounts")
    [found] = [item for item in stage.diagnose() if item.verdict is Verdict.CONFIRMED]
    offsets = sorted(span.attributes["messaging.kafka.offset"] for span in late)
    [shown] = announced("ordering")
    assert stage.said((found,)) == [re.sub(r"@\d+…\d+", f"@{offsets[0]}…{offsets[-1]}", shown)]
    assert (found.group, found.count) == ("accounts", len(late))
    assert found.action == "give a key's messages to one worker, in order"
