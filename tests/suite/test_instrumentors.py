"""What `opentelemetry-instrument` finds and loads."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, distribution, entry_points
from typing import Any

import pytest
from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from support.recorder import Recorder, recording

import otel_eda
from otel_eda import config, suite
from otel_eda import instrumentor as instrumentors
from otel_eda.core.inprocess import registries
from otel_eda.core.process.handed import handed
from otel_eda.core.process.log_correlation import log_correlation
from otel_eda.core.process.logged_errors import logged_errors
from otel_eda.core.process.queues import queues

GROUP = "opentelemetry_instrumentor"
EVERY = {point.name: point for point in entry_points(group=GROUP) if point.value.startswith("otel_eda.")}
OURS = [point for name, point in EVERY.items() if name != "eda"]


def test_there_is_one_for_each_name_of_the_suite() -> None:
    assert sorted(point.load().name for point in OURS) == sorted(suite.NAMES)


def test_they_are_named_after_what_they_switch() -> None:
    assert instrumentors.AioPikaInstrumentor.name == "aio_pika"
    assert instrumentors.AioPikaInstrumentor.__module__ == instrumentors.__name__
    assert [point.load().__name__ for point in OURS] == [point.attr for point in OURS]
    assert not hasattr(instrumentors, "NowhereInstrumentor")


@pytest.mark.parametrize("point", OURS, ids=lambda point: point.name)
def test_its_name_differs_from_that_of_an_official_one(point: EntryPoint) -> None:
    assert point.name == f"eda_{point.load().name}"


@pytest.mark.parametrize("point", OURS, ids=lambda point: point.name)
def test_it_switches_its_name_on_and_off(point: EntryPoint) -> None:
    recorder, instrumentor = Recorder(), point.load()()
    assert isinstance(instrumentor, BaseInstrumentor)

    def on() -> set[str]:
        found = {name for name, library in suite.LIBRARIES.items() if library.on}
        return found | ({suite.REGISTRIES} if registries.registries.on else set())

    suite.switch_off(suite.REGISTRIES)
    providers = {"tracer_provider": recorder.tracer_provider, "meter_provider": recorder.meter_provider}
    assert on() == set()
    try:
        instrumentor.instrument(raise_exception_on_conflict=True, **providers)
        assert on() == {instrumentor.name}
        instrumentor.uninstrument()
        assert on() == set()
        assert not any(patches.patches for patches in (queues, handed, log_correlation, logged_errors))
    finally:
        recorder.shutdown()
        registries.registries.enable("")
        registries.registries.enabled = False


def test_one_takes_the_settings_and_leaves_them_when_the_launcher_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_declared", {})
    instrumentor = EVERY["eda"].load()()
    instrumentor.instrument(trust="link")
    instrumentor.instrument(skip_dep_check=True, raise_exception_on_conflict=True)
    assert config.config().trust == "link"
    assert not any(library.on for library in suite.LIBRARIES.values())


def test_settings_under_the_name_of_a_library_get_a_line(caplog: pytest.LogCaptureFixture) -> None:
    instrumentor = EVERY["eda_pika"].load()()
    instrumentor.instrument(trust="link")
    instrumentor.uninstrument()
    (record,) = caplog.records
    assert "stand under `eda`, not `eda_pika`" in record.getMessage()
    assert config.config().trust == "parent"


def test_the_launcher_finds_no_conflict() -> None:
    # It would ask for everything an extra `instruments` names before it loads any entry point of ours.
    assert get_dist_dependency_conflicts(distribution("otel-eda")) is None


@pytest.mark.parametrize(
    ("only", "without", "expected"),
    [
        (None, None, [*suite.NAMES]),
        ([], None, []),
        ("registries", None, ["registries"]),
        (["registries"], ["registries"], []),
        (None, "registries", [*suite.LIBRARIES]),
        ({"registries": 1}.keys(), (), ["registries"]),
    ],
    ids=str,
)
def test_names_can_be_chosen(only: list[str] | None, without: list[str] | None, expected: list[str]) -> None:
    assert suite.chosen(only, without) == expected


@pytest.mark.parametrize("choice", [{"only": "nowhere"}, {"without": ["nowhere", "registries"]}], ids=str)
def test_a_name_that_there_is_not_is_refused_before_anything_is_patched(choice: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"knows no nowhere; it knows .*registries"):
        otel_eda.enable(**choice)
    assert not any(library.on for library in suite.LIBRARIES.values())


def test_a_library_that_is_not_imported_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "kafka"]:
        monkeypatch.delitem(sys.modules, name)
    with recording():
        assert "kafka" not in sys.modules
