"""What the doctor says of a library's parts."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from otel_eda import suite
from otel_eda.core import Dispatch, Event, Library
from otel_eda.core.telemetry.providers import own_version
from otel_eda.doctor.endpoint import probe
from otel_eda.doctor.inspection import of_environment
from otel_eda.doctor.report import problems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = "shop_events"
PARTS = {
    "__init__": "def __getattr__(name):\n    raise ZeroDivisionError(name)",
    "whole": "class Bus:\n    def emit(self, event): return True",
    "extra": "import an_extra_that_is_not_installed",
    "broken": f"import {PACKAGE}.nowhere",
}


def shape(part: str) -> Dispatch:
    return Dispatch(f"{PACKAGE}.{part}:Bus.emit", ("event",), lambda _, event: Event(event), "emit")


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library of three parts, one whole, one for something that is not installed, one broken; of no own version."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    for name, source in PARTS.items():
        (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    made = Library(
        name=PACKAGE,
        package=PACKAGE,
        distribution="otel-eda",
        supported=((0,), (99,)),
        shapes=tuple(map(shape, ("whole", "extra", "broken"))),
    )
    monkeypatch.setattr(suite, "LIBRARIES", {PACKAGE: made})
    monkeypatch.setattr(suite, "NAMES", (PACKAGE, suite.REGISTRIES))
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_a_part_for_what_is_not_installed_is_no_problem_and_a_broken_one_is(events: Library) -> None:
    (told,) = of_environment()["libraries"]
    assert told["patched"] == [f"{PACKAGE}.whole:Bus.emit"]
    assert list(told["not patched"]) == [f"{PACKAGE}.broken"]
    assert "nowhere" in told["not patched"][f"{PACKAGE}.broken"]
    assert told["official"] is None


def test_a_library_that_says_no_version_has_its_distributions(events: Library) -> None:
    (told,) = of_environment()["libraries"]
    assert told["loaded"] == own_version()
    assert not events.on


def test_an_exporter_that_cannot_be_made_of_the_environment_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "foo")
    found = {"libraries": [], "failures": {}, "versions": {"opentelemetry-sdk": "1"}, "endpoint": probe()}
    (problem,) = problems(found)
    assert problem.startswith("nothing takes spans at all: ")
    assert "foo" in problem
