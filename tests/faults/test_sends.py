"""Sends that fail, are never confirmed, or never resolved."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from support.programs import BARE, launched, receiving, run, running

from faults.conftest import PROGRAMS

if TYPE_CHECKING:
    from brokers.kafka import Kafka
    from brokers.spans import Span
    from conftest import Topics
    from support.programs import Received

UNRESOLVED = "eda.unresolved"
OFFSET, ERROR = "messaging.kafka.offset", "error.type"


def told(span: Span) -> str:
    """Give the class of a failed send's error, or `sent`."""
    return str(span.attributes[ERROR]).rpartition(".")[2] if span.error else "sent"


def seen(line: str) -> str:
    """Give the same of what the application saw."""
    if line.startswith("at once: "):
        return line.split(": ")[1]
    answer = line.strip("[]")
    return answer.strip('"') if answer.startswith('"') else "sent"


@pytest.mark.parametrize("acks", [1, 0], ids=["confirmed", "unconfirmed"])
def test_a_send_that_fails_is_a_span_that_says_so(
    kafka: Kafka, topics: Topics, endpoint: str, received: Received, acks: int
) -> None:
    bare = run(BARE, PROGRAMS / "refused.py", kafka.address, topics(), acks)
    instrumented = run(launched(endpoint), PROGRAMS / "refused.py", kafka.address, topics(), acks)
    assert (instrumented.status, instrumented.errors) == (bare.status, bare.errors) == (0, "")
    assert alike(instrumented.output) == alike(bare.output)
    spans = received.of("send")
    assert [told(span) for span in spans] == [seen(line) for line in bare.output.splitlines()]
    assert len({told(span) for span in spans}) >= 4
    assert any(OFFSET in span.attributes for span in spans) == bool(acks)
    assert not received.twice()


def alike(output: str) -> list[str]:
    """Leave out what differs: the topic's name, and the size of a message with our headers in it."""
    return re.sub(r"topic-[0-9a-f]{12}|\d+ bytes", "…", output).splitlines()


def last(errors: str) -> list[str]:
    """Give the last line, the error without its traceback."""
    return errors.splitlines()[-1:]


WAYS = {"return": 0, "exit": 3, "raise": 1, "close": 0, "at once": 4}


def test_a_send_that_is_never_resolved_is_a_span_that_says_so(private_kafka: Kafka) -> None:
    with ExitStack() as stack:
        kept: dict[str, Received] = {}
        programs = {}
        for how in WAYS:
            endpoint, kept[how] = stack.enter_context(receiving())
            for name, way in (("bare", BARE), ("instrumented", launched(endpoint, OTEL_BSP_SCHEDULE_DELAY="10"))):
                arguments = PROGRAMS / "unresolved.py", private_kafka.address, private_kafka.topic(), how
                programs[how, name] = stack.enter_context(running(way, *arguments))
        for program in programs.values():
            program.wait_for("stop it")
        private_kafka.kill()
        for program in programs.values():
            program.go_on()
        for how, status in WAYS.items():
            bare, instrumented = programs[how, "bare"].finish(), programs[how, "instrumented"].finish()
            assert (instrumented.status, instrumented.output) == (bare.status, bare.output), how
            assert last(instrumented.errors) == last(bare.errors), how  # a traceback names our frames too
            assert bare.status == status, how
            if how != "at once":  # then nobody is left to say anything
                first, *others = map(told, kept[how].of("send"))
                assert first == "sent", how
                assert len(others) == 5, how
                assert set(others) <= {UNRESOLVED, "unresolved", "KafkaConnectionError", "KafkaTimeoutError"}, others
