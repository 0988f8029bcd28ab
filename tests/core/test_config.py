"""Every variable is read, and a wrong one does no harm."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_eda import config
from otel_eda.config import Config, variable

DEFAULTS = Config()
GOOD: list[tuple[str, str, object]] = [
    *(("strict", text, True) for text in ("1", "true", "YES", " on ")),
    *(("strict", text, False) for text in ("0", "false", "No", "off")),
    ("takeover", "0", False),
    ("partition_metrics", "1", True),
    ("zmq_propagate", "1", True),
    *(("receive_spans", text.upper(), text) for text in ("auto", "all", "none")),
    *(("process_parent", text, text) for text in ("auto", "producer", "ambient", "none")),
    *(("trust", text, text) for text in ("parent", "link", "drop", "link,internal.*=parent", "a=drop")),
    ("baggage", "Tenant, region", ("tenant", "region")),
    ("capture_headers", "x-*", ("x-*",)),
    ("deny_headers", "x-secret", ("x-secret",)),
    ("capture_body_size", "1", True),
    *(("capture_key", text, text) for text in ("off", "hash", "plain")),
    ("hash_key", "s3cret", "s3cret"),
    ("dead_letters", "*.graveyard", ("*.graveyard",)),
    ("retries", "*-again,*-later", ("*-again", "*-later")),
    ("registries", "app:Bus(on,emit)", "app:Bus(on,emit)"),
    ("report", "a/Report.json", "a/Report.json"),
]
CHOSEN = (
    "strict",
    "takeover",
    "receive_spans",
    "process_parent",
    "trust",
    "capture_key",
    "capture_body_size",
    "partition_metrics",
    "zmq_propagate",
)


def test_without_any_variable_there_are_the_defaults(caplog: pytest.LogCaptureFixture) -> None:
    assert Config.read({}) == DEFAULTS
    assert not caplog.records


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_a_variable_sets_its_setting_alone(
    name: str, text: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    changes: dict[str, Any] = {name: value}
    assert Config.read({variable(name): text}) == dataclasses.replace(DEFAULTS, **changes)
    assert not caplog.records


def test_every_setting_is_tested() -> None:
    assert {name for name, _, _ in GOOD} == {item.name for item in dataclasses.fields(Config)}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_wrong_value_gets_one_warning_and_the_default(name: str, caplog: pytest.LogCaptureFixture) -> None:
    read = Config.read({variable(name): "nonsense"})
    assert read == DEFAULTS
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert f"{variable(name)}='nonsense'" in record.getMessage()
    assert "use " in record.getMessage()


@pytest.mark.parametrize("name", [item.name for item in dataclasses.fields(Config)])
def test_an_empty_variable_is_as_none(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """As OpenTelemetry's specification of environment variables says."""
    assert Config.read({variable(name): ""}) == DEFAULTS
    assert not caplog.records


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional={variable(name): st.text() for name in CHOSEN}))
def test_whatever_is_set_there_are_settings(environ: dict[str, str]) -> None:
    read = Config.read(environ)
    assert read.process_parent in {"auto", "producer", "ambient", "none"}
    assert isinstance(read.strict, bool)


def test_the_environment_is_read_when_first_asked_for_and_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EDA_TRUST", "link")
    assert config.config().trust == "link"
    monkeypatch.setenv("OTEL_EDA_TRUST", "parent")
    assert config.config().trust == "link"
    assert config.reload().trust == config.config().trust == "parent"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULTS.trust = "link"  # type: ignore[misc]


def test_every_setting_says_what_it_is_about() -> None:
    assert all(item.metadata["about"] for item in dataclasses.fields(Config))
