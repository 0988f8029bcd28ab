"""Two members of a group, of which one is killed, rewinds, rebalances: the ledger's counts are what really happened."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from core.ledger.model import Event, Model
from support.programs import PATIENCE, Way, running
from support.waiting import until

from faults.conftest import PROGRAMS
from otel_eda.core.ledger.partition import DeliveryAnomaly

if TYPE_CHECKING:
    from pathlib import Path

    from brokers.kafka import Kafka
    from conftest import Topics
    from support.programs import Program

PARTITIONS = 2
EACH = 60


class Member:
    """A running member, and its journal."""

    def __init__(self, program: Program, journal: Path) -> None:
        self.program = program
        self.journal = journal
        self.answers = 0

    def tell(self, command: str) -> None:
        assert self.program.process.stdin is not None
        self.program.process.stdin.write(f"{command}\n")
        self.program.process.stdin.flush()
        self.answers += 1

    def answer(self) -> dict[str, int]:
        """Wait for the answers to all commands, and give the last: the counts."""
        until(lambda: self.told() >= self.answers, f"answer {self.answers}: {self.program.errors}", PATIENCE)
        found: dict[str, int] = json.loads(self.program.output.splitlines()[self.answers - 1])
        return found

    def told(self) -> int:
        return self.program.output.count("\n")

    def done(self) -> int:
        return self.journal.read_text(encoding="ascii").count("done")

    def leave(self) -> dict[str, int]:
        assert self.program.process.stdin is not None
        self.program.process.stdin.close()
        self.answers += 1
        assert self.program.finish().status == 0, self.program.errors
        return self.answer()

    def truth(self) -> dict[str, int]:
        """Work out what happened from the journal, by the slow model."""
        models, found = {partition: Model() for partition in range(PARTITIONS)}, Counter[str]()
        for line in self.journal.read_text(encoding="ascii").splitlines():
            what, partition, offset = line.split()
            if what == "release":
                for model in models.values():
                    model.history.append(Event("release"))
                continue
            model, at = models[int(partition)], int(offset)
            if what == "commit":
                skipped, regressed = model.commit(at)
                found.update({"skipped": len(skipped), "regressions": int(regressed)})
                continue
            fact = model.begin(at) if what == "begin" else model.end(at, what == "done")
            if fact not in {None, DeliveryAnomaly.OUT_OF_ORDER}:
                found[fact.value] += 1
        return {name: found[name] for name in ("redelivered", "reprocessed", "skipped", "recovered", "regressions")}


@pytest.mark.parametrize("library", ["kafka-python", "confluent-kafka", "aiokafka"])
def test_the_counts_are_the_truth(library: str, kafka: Kafka, topics: Topics, tmp_path: Path) -> None:
    topic = filled(kafka, topics(PARTITIONS))
    with ExitStack() as stack:

        def member(name: str) -> Member:
            journal = tmp_path / name
            journal.touch()
            arguments = (PROGRAMS / "member.py", library, kafka.address, topic, journal)
            return Member(stack.enter_context(running(Way(), *arguments)), journal)

        steady, victim = member("steady"), member("victim")
        for each in (steady, victim):
            each.tell("work 10")
        steady.answer()
        victim.tell("work 1000")
        until(lambda: victim.done() > 10, "the victim to be at work", PATIENCE)
        victim.program.process.kill()
        for command in ("work 20", "careless 15", "rewind", "careless 20", "rewind", "work 30"):
            steady.tell(command)
        steady.answer()
        other = member("other")
        filled(kafka, topic)
        other.tell("work 5")
        steady.tell("work 30")
        other.answer()
        other.leave()
        steady.answer()
        steady.tell("rewind")
        steady.tell("work 20")
        counts = steady.leave()
        assert counts == steady.truth()
        # aiokafka reads what it has of one partition to the end, which may be the one where nothing was skipped.
        happened = ("reprocessed", "skipped", "regressions", *(("recovered",) if library != "aiokafka" else ()))
        assert min(counts[name] for name in happened) > 0


def filled(kafka: Kafka, topic: str) -> str:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka.address})
    for number in range(PARTITIONS * EACH):
        producer.produce(topic, str(number), partition=number % PARTITIONS)
    assert producer.flush(PATIENCE) == 0
    return topic
