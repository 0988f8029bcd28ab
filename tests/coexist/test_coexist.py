"""Where the official instrumentations of the same libraries are installed too, there is one set of spans."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from importlib.metadata import distribution, entry_points
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.programs import launched, receiving, run

from otel_eda import suite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokers.kafka import Kafka
    from support.programs import Outcome, Received

PROGRAM = Path(__file__).parent / "programs" / "app.py"
OFFICIAL = {
    library.name: library.official.instrumentor.partition(":")
    for library in suite.LIBRARIES.values()
    if library.official is not None
}
DESTINATIONS = {"kafka": ("kafka_python", "confluent_kafka", "aiokafka"), "rabbitmq": ("pika", "aio_pika")}
NOTHING = ",".join(point.name for point in entry_points(group="opentelemetry_instrumentor"))  # all are disabled
OURS, THEIRS = "ours", "theirs"
STANDS_IN, LEAVES = "otel_eda: otel-eda stands in for", "otel_eda: otel-eda leaves this library to"


@pytest.fixture(scope="module", autouse=True)
def official() -> None:
    """The official instrumentations, which `tox -e coexist` installs."""
    for module, _, _ in OFFICIAL.values():
        if find_spec(module) is None:
            if os.environ.get("TOX_ENV_NAME") == "coexist":
                pytest.fail(f"{module} is not installed", pytrace=False)
            pytest.skip(f"{module} is not installed: run `tox -e coexist`")


@pytest.fixture
def receiver() -> Iterator[tuple[str, Received]]:
    with receiving() as made:
        yield made


@pytest.fixture(params=OFFICIAL)
def name(request: pytest.FixtureRequest) -> str:
    """Each library that there is an official instrumentation of."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def place(name: str, request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """The library, its broker's address and a new destination there."""
    broker = next(broker for broker, names in DESTINATIONS.items() if name in names)
    server = request.getfixturevalue(broker)
    return name, server.address, server.topic() if broker == "kafka" else server.queue()


def makers(received: Received) -> list[str]:
    """Tell who made the spans of the messages, one after the other; ours are one to send and one to process each."""
    made = [
        OURS if span.scope.startswith("otel_eda") else THEIRS for span in sorted(received.all, key=lambda s: s.start)
    ]
    turns = [maker for maker, _ in groupby(made)]
    operations = Counter(span.operation for span in received.ours())
    assert {operations["send"], operations["process"]} == {turns.count(OURS)}, operations
    assert set(operations) <= {"send", "process", "receive", "settle"}
    return turns


def said(outcome: Outcome) -> list[str]:
    """Give what was logged about who instruments; nothing else may be."""
    assert outcome.status == 0, outcome.errors
    lines = outcome.errors.splitlines()
    assert all(line.startswith((STANDS_IN, LEAVES)) for line in lines), outcome.errors
    return [STANDS_IN if line.startswith(STANDS_IN) else LEAVES for line in lines]


@pytest.fixture(params=["otel-eda", "theirs"])
def first(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A path on which the launcher finds the entry points of the one before those of the other."""
    module, _, _ = OFFICIAL[name]
    points = [
        point for point in entry_points(group="opentelemetry_instrumentor") if point.value.startswith(f"{module}:")
    ]
    found = points[0].dist if request.param == "theirs" else distribution("otel-eda")
    assert found is not None
    folder = Path(str(found.locate_file(""))) / f"{found.name.replace('-', '_')}-{found.version}.dist-info"
    shutil.copytree(folder, tmp_path / folder.name)
    return str(tmp_path)


@pytest.mark.parametrize(("takeover", "expected"), [("1", OURS), ("0", THEIRS)])
def test_the_launcher_makes_one_set_of_spans_in_either_order(
    place: tuple[str, str, str], first: str, receiver: tuple[str, Received], takeover: str, expected: str
) -> None:
    endpoint, received = receiver
    outcome = run(launched(endpoint, OTEL_EDA_TAKEOVER=takeover, PYTHONPATH=first), PROGRAM, *place)
    assert (outcome.status, outcome.output) == (0, "read hello\n"), outcome.errors
    assert makers(received) == [expected]
    assert not received.twice()


IN_CODE = [
    pytest.param("enable theirs message", [OURS], id="ours first"),
    pytest.param("theirs enable message", [OURS], id="theirs first"),
    pytest.param("theirs message enable message", [THEIRS, OURS], id="ours in the middle"),
    pytest.param("theirs enable message disable message", [OURS, THEIRS], id="disabled, theirs came first"),
]


@pytest.mark.parametrize(("steps", "expected"), IN_CODE)
def test_in_code_there_is_one_set_of_spans(
    place: tuple[str, str, str], receiver: tuple[str, Received], steps: str, expected: list[str]
) -> None:
    endpoint, received = receiver
    way = launched(endpoint, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=NOTHING)
    outcome = run(way, PROGRAM, *place, *steps.split())
    assert (outcome.status, outcome.output) == (0, "read hello\n" * len(expected)), outcome.errors
    assert makers(received) == expected
    assert not received.twice()


# --- Everything else, with the one that is quickest to start ------------------------------------------------------

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
    outcome = run(launched(endpoint, **environ), PROGRAM, "kafka_python", kafka.address, topic)
    assert (outcome.status, outcome.output) == (0, "read hello\n"), outcome.errors
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
    outcome = run(way, PROGRAM, "kafka_python", kafka.address, topic, *steps.split())
    assert makers(received) == expected
    assert not received.twice()
    assert outcome.output == "read hello\n" * steps.split().count("message")
    told = said(outcome)
    assert told == lines if lines is not None else set(told) == {STANDS_IN}
