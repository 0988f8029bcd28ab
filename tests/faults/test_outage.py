"""The broker is stopped and started again while an application sends."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

from support.programs import BARE, launched, receiving, running

from faults.conftest import PROGRAMS

if TYPE_CHECKING:
    from brokers.kafka import Kafka
    from support.programs import Outcome, Program, Received

COUNT = 20
PATIENT, IMPATIENT = 60_000, 1500  # milliseconds that a delivery may take
FAILURE = "KafkaTimeoutError"


class Pair:
    """The same program twice, without us and with us, against the same broker."""

    def __init__(self, stack: ExitStack, kafka: Kafka, patience: int) -> None:
        endpoint, self.received = stack.enter_context(receiving())
        self.programs: list[Program] = [
            stack.enter_context(running(way, PROGRAMS / "outage.py", kafka.address, kafka.topic(), patience))
            for way in (BARE, launched(endpoint))
        ]

    def finish(self) -> tuple[Outcome, Outcome, Received]:
        """Give how both ended, and the spans."""
        bare, instrumented = [program.finish() for program in self.programs]
        return bare, instrumented, self.received


def reach(programs: list[Program], line: str) -> None:
    for program in programs:
        program.wait_for(line)


def go_on(programs: list[Program]) -> None:
    for program in programs:
        program.go_on()


def test_every_send_is_accounted_for(private_kafka: Kafka) -> None:
    with ExitStack() as stack:
        # All of them at once: stopping and starting a broker is what takes the time.
        pairs = {patience: Pair(stack, private_kafka, patience) for patience in (PATIENT, IMPATIENT)}
        programs = [program for pair in pairs.values() for program in pair.programs]
        reach(programs, "stop it")
        private_kafka.stop()
        go_on(programs)
        reach(programs, "start it")
        private_kafka.start()
        go_on(programs)
        check(*pairs[PATIENT].finish(), acknowledged=3 * COUNT, failed=0)
        check(*pairs[IMPATIENT].finish(), acknowledged=2 * COUNT, failed=COUNT)


def check(bare: Outcome, instrumented: Outcome, received: Received, acknowledged: int, failed: int) -> None:
    """Hold what the application saw against what it sees without us, and the spans against what it saw."""
    assert instrumented == bare
    assert bare.status == 0
    seen = [json.loads(line) for line in bare.output.splitlines() if line.startswith("[")]
    assert sum(answers.count(FAILURE) for answers in seen) == failed
    sends = received.of("send")
    assert not received.twice()
    offsets = [span.attributes["messaging.kafka.offset"] for span in sends if not span.error]
    assert sorted(map(int, map(str, offsets))) == list(range(acknowledged))
    # One more: the topic that could not be heard of while the broker was away.
    failures = [span.attributes["error.type"] for span in sends if span.error]
    assert failures == [f"kafka.errors.{FAILURE}"] * (failed + 1)
