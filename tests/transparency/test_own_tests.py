"""The libraries' own tests that need no server: test by test the same with and without us."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from support.parts import available

from otel_eda import suite
from transparency.sources import packages, source
from transparency.suites import PLUGIN, Suite, both, differing, unequal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Row:
    """A library whose source distribution carries tests.

    At least `passing` of them pass, and leave at least so many spans of each operation: else nothing is shown.
    """

    needs: tuple[str, ...]
    passing: int
    spans: Mapping[str, int]
    options: tuple[str, ...] = ()
    omitted: tuple[str, ...] = field(default=())  # files in its folder that would hide the installed library


ASYNC = ("-o", "asyncio_default_fixture_loop_scope=function")
# The types of its examples, which we do not touch, and two gigabytes in one message: half of the time of all its tests.
NOT_PYZMQ = ("--ignore=tests/test_mypy.py", "--deselect=tests/test_socket.py::TestSocket::test_large_send")
ROWS = {
    "blinker": Row(("pytest-asyncio",), 20, {"send": 20, "process": 20}, ASYNC),
    "pyee": Row(("pytest-asyncio", "pytest-trio", "trio", "twisted"), 40, {"emit": 20, "process": 20}, ASYNC),
    "pyzmq": Row(("pytest-asyncio", "tornado"), 300, {"send": 100, "process": 100}, (*ASYNC, *NOT_PYZMQ), ("zmq",)),
}
ELSEWHERE = {
    "kafka_python": "test_kafka_python.py, with a broker",
    "confluent_kafka": "its source distribution carries no tests; `make suites` runs those of its repository",
    "aiokafka": "its source distribution carries no tests; `make suites` runs those of its repository",
    "pika": "its source distribution carries no tests; `make suites` runs those of its repository",
    "aio_pika": "test_aio_pika.py, with a broker",
    "dramatiq": "nobody has run its own tests with and without us yet",
    "taskiq": "nobody has run its own tests with and without us yet",
    "faust_streaming": "nobody has run its own tests with and without us yet",
    "faststream": "its wheel carries no tests",
}


def test_every_library_has_a_row_or_a_reason() -> None:
    assert set(suite.LIBRARIES) <= {*ROWS, *ELSEWHERE}
    assert ROWS.keys().isdisjoint(ELSEWHERE)


def suites_of(name: str, row: Row, tmp_path_factory: pytest.TempPathFactory) -> tuple[Suite, Suite]:
    original = available(lambda: source(name, version(name)))
    needed = available(lambda: packages(name, row.needs))
    bare, instrumented = (
        Suite(tmp_path_factory.mktemp(name), original, "tests", (*row.options, *plugin)) for plugin in ((), PLUGIN)
    )
    for each in (bare, instrumented):
        each.environ["PYTHONPATH"] += f"{os.pathsep}{needed}"
        for omitted in row.omitted:
            (each.folder / omitted).rename(each.folder / f"{omitted}-omitted")
    return bare, instrumented


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ROWS)
def test_every_test_comes_out_the_same(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    row = ROWS[name]
    suites = suites_of(name, row, tmp_path_factory)
    bare, instrumented = both(suites)
    assert bare.keys() == instrumented.keys()
    assert list(bare.values()).count("passed") >= row.passing
    ended = suites[1].ended()
    assert {operation: min(ended.get(operation, 0), least) for operation, least in row.spans.items()} == row.spans, (
        ended
    )
    # Some depend on the time that things take: what differs has another chance, by itself.
    assert differing(suites, unequal(bare, instrumented)) == []
