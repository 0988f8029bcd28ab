"""Where the official instrumentation of kafka-python is installed too, there is one set of spans."""

from __future__ import annotations

import os
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.programs import launched, receiving, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokers.kafka import Kafka
    from support.programs import Outcome, Received

OFFICIAL = "opentelemetry.instrumentation.kafka"
PROGRAM = Path(__file__).parent / "programs" / "app.py"
NOTHING = "kafka,eda_kafka_python,eda_registries"  # disabled, the launcher configures the SDK alone
OURS, THEIRS = "ours", "theirs"
STANDS_IN, LEAVES = "otel_eda: otel-eda stands in for KafkaInstrumentor", "otel_eda: otel-eda leaves this library to"


@pytest.fixture(scope="module", autouse=True)
def official() -> None:
    """The official instrumentation, which `tox -e coexist` installs."""
    if find_spec(OFFICIAL) is None:
        if os.environ.get("TOX_ENV_NAME") == "coexist":
            pytest.fail(f"{OFFICIAL} is not installed", pytrace=False)
        pytest.skip(f"{OFFICIAL} is not installed: run `tox -e coexist`")


@pytest.fixture
def receiver() -> Iterator[tuple[str, Received]]:
    with receiving() as made:
        yield made


def makers(received: Received) -> list[str]:
    """Tell who made the spans of each message that was sent and read, in this order."""
    made = []
    for trace in dict.fromkeys(span.trace_id for span in sorted(received.all, key=lambda span: span.start)):
        scopes = Counter(span.scope for span in received.all if span.trace_id == trace)
        assert len(scopes) == 1, scopes
        ((scope, count),) = scopes.items()
        assert count == 2, scopes
        made.append(OURS if scope.startswith("otel_eda") else THEIRS)
    return made


def said(outcome: Outcome) -> list[str]:
    """Give what was logged about who instruments; nothing else may be."""
    assert outcome.status == 0, outcome.errors
    lines = outcome.errors.splitlines()
    assert all(line.startswith((STANDS_IN, LEAVES)) for line in lines), outcome.errors
    return [STANDS_IN if line.startswith(STANDS_IN) else LEAVES for line in lines]


LAUNCHER = [
    pytest.param({}, [OURS], id="ours takes over"),
    pytest.param({"OTEL_EDA_TAKEOVER": "0"}, [THEIRS], id="ours leaves theirs"),
    pytest.param({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "kafka"}, [OURS], id="theirs is disabled"),
    pytest.param({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "eda_kafka_python"}, [THEIRS], id="ours is disabled"),
    pytest.param({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "kafka,eda_kafka_python"}, [], id="both are disabled"),
    pytest.param(
        {"OTEL_EDA_TAKEOVER": "0", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "kafka"},
        [OURS],
        id="ours has none to leave",
    ),
]


@pytest.mark.parametrize(("environ", "expected"), LAUNCHER)
def test_by_the_launcher(
    kafka: Kafka, topic: str, receiver: tuple[str, Received], environ: dict[str, str], expected: list[str]
) -> None:
    endpoint, received = receiver
    outcome = run(launched(endpoint, **environ), PROGRAM, kafka.address, topic)
    assert (outcome.status, outcome.output) == (0, "read 0\n"), outcome.errors
    assert makers(received) == expected
    assert not received.twice()


TAKEN = [STANDS_IN]
LEFT = [LEAVES]
ORDERS = [
    pytest.param("enable theirs message", {}, [OURS], TAKEN, id="ours first"),
    pytest.param("theirs enable message", {}, [OURS], TAKEN, id="theirs first"),
    pytest.param("theirs message enable message", {}, [THEIRS, OURS], TAKEN, id="ours in the middle"),
    pytest.param("enable theirs theirs enable message", {}, [OURS], None, id="twice"),
    pytest.param("enable message", {}, [OURS], [], id="theirs never"),
    pytest.param("theirs message", {}, [THEIRS], [], id="ours never"),
    pytest.param("enable theirs disable message", {}, [THEIRS], TAKEN, id="disabled, theirs came second"),
    pytest.param("theirs enable message disable message", {}, [OURS, THEIRS], TAKEN, id="disabled, theirs came first"),
    pytest.param("enable disable message", {}, [], [], id="disabled, theirs never"),
    pytest.param("enable disable theirs message", {}, [THEIRS], [], id="disabled before theirs"),
    pytest.param("theirs enable disable not_theirs message", {}, [], TAKEN, id="both switched off"),
    pytest.param("theirs enable disable enable message", {}, [OURS], TAKEN * 2, id="enabled again"),
    pytest.param("enable theirs message", {"OTEL_EDA_TAKEOVER": "0"}, [THEIRS], LEFT, id="left, ours first"),
    pytest.param("theirs enable message", {"OTEL_EDA_TAKEOVER": "0"}, [THEIRS], LEFT, id="left, theirs first"),
    pytest.param("enable message", {"OTEL_EDA_TAKEOVER": "0"}, [OURS], [], id="left, theirs never"),
    pytest.param("enable theirs disable message", {"OTEL_EDA_TAKEOVER": "0"}, [THEIRS], LEFT, id="left, disabled"),
]


@pytest.mark.parametrize(("steps", "environ", "expected", "lines"), ORDERS)
def test_in_code_in_any_order(
    *,
    kafka: Kafka,
    topic: str,
    receiver: tuple[str, Received],
    steps: str,
    environ: dict[str, str],
    expected: list[str],
    lines: list[str] | None,
) -> None:
    endpoint, received = receiver
    way = launched(endpoint, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=NOTHING, **environ)
    outcome = run(way, PROGRAM, kafka.address, topic, *steps.split())
    assert makers(received) == expected
    assert not received.twice()
    assert outcome.output == "read 0\n" * steps.split().count("message")
    told = said(outcome)
    assert told == lines if lines is not None else set(told) == {STANDS_IN}
