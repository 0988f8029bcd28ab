"""Every variable is read, and a wrong one does no harm."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import otel_eda
from otel_eda import config, suite
from otel_eda.config import Config, Settings, variable

DEFAULTS = Config()
GOOD: list[tuple[str, str, object]] = [
    *(("strict", text, True) for text in ("1", "true", "YES", " on ")),
    *(("strict", text, False) for text in ("0", "false", "No", "off")),
    ("takeover", "0", False),
    ("partition_metrics", "1", True),
    ("message_age", "1", True),
    ("zmq_propagate", "1", True),
    *(("receive_spans", text.upper(), text) for text in ("auto", "all", "none")),
    *(("process_parent", text, text) for text in ("auto", "producer", "ambient", "none")),
    *(("trust", text, text) for text in ("parent", "link", "drop", "link,internal.*=parent", "a=drop")),
    *(("inject", text, text) for text in ("1", "0", "off", "orders=0", "0,kafka_python=1,internal.*=1")),
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
    "inject",
    "capture_key",
    "capture_body_size",
    "partition_metrics",
    "message_age",
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


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_code_says_the_same_as_a_variable(name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable(name), "nonsense" if name in CHOSEN else "other")
    changes: dict[str, Any] = {name: value}
    otel_eda.enable(only=(), **changes)
    assert getattr(config.config(), name) == value
    changes = {name: text}
    otel_eda.enable(only=(), **changes)
    assert getattr(config.config(), name) == value


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"trust": "nonsense"}, ValueError, "trust='nonsense' is not understood: use one of parent, link, drop"),
        ({"strict": "perhaps"}, ValueError, "strict='perhaps' is not understood: use 1 or 0"),
        ({"strict": None}, ValueError, "strict=None is not understood: use True or False"),
        ({"baggage": 7}, ValueError, "baggage=7 is not understood: use a list of texts"),
        ({"inject": "orders=never"}, ValueError, "inject='orders=never' is not understood: use 1 or 0; for some"),
        ({"inject": 7}, ValueError, "inject=7 is not understood: use a text"),
        ({"trust": 7}, ValueError, "trust=7 is not understood: use a text"),
        ({"thrust": "link"}, TypeError, "otel-eda has no setting thrust; it has strict, takeover"),
    ],
)
def test_a_wrong_value_in_code_is_an_error_and_changes_nothing(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    before = config.reload()
    with pytest.raises(error) as caught:
        otel_eda.enable(**given)
    assert words in str(caught.value)
    assert config.config() is before
    assert not any(library.on for library in suite.LIBRARIES.values())


def test_code_can_say_all_that_variables_can() -> None:
    assert list(Settings.__annotations__) == [item.name for item in dataclasses.fields(Config)]
    kinds = {"bool": bool, "str": str, "str | bool": str, "Iterable[str]": tuple}
    told = {name: kinds[kind.__forward_arg__] for name, kind in Settings.__annotations__.items()}
    assert told == {item.name: type(item.default) for item in dataclasses.fields(Config)}


@pytest.mark.parametrize(
    ("text", "library", "destination", "expected"),
    [
        ("1", "pika", "orders", True),
        ("0", "pika", "orders", False),
        ("off", "pika", "orders", False),
        ("orders=0", "pika", "orders", False),
        ("orders=0", "pika", "payments", True),
        ("ord*=0", "pika", "orders", False),
        ("pika=0", "pika", "orders", False),
        ("*pika=0", "aio_pika", "orders", False),
        ("pika=0", "aio_pika", "orders", True),
        ("0,pika=1", "pika", "orders", True),
        ("0, pika = 1", "pika", "orders", True),
        ("pika=1,0", "pika", "orders", False),
        ("0,pika=1,orders=0", "pika", "orders", False),
        ("0,internal.*=YES", "pika", "internal.orders", True),
    ],
)
def test_the_last_rule_that_fits_says_whether_context_is_sent(
    text: str, library: str, destination: str, expected: bool
) -> None:
    assert Config.read({"OTEL_EDA_INJECT": text}).injects(library, destination) is expected


@pytest.mark.parametrize("flag", [False, True])
def test_sending_context_is_a_flag_in_code(flag: bool) -> None:
    otel_eda.enable(only=(), inject=flag)
    assert config.config().injects("pika", "orders") is flag


def test_settings_that_are_given_meanwhile_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first question reads the environment, while another thread switches us on.
    reading = config._from_environment

    def slow(environ: Any) -> dict[str, Any]:
        monkeypatch.setattr(config, "_from_environment", reading)
        otel_eda.enable(only=(), trust="link")
        return reading(environ)

    monkeypatch.setattr(config, "_from_environment", slow)
    assert config.config().trust == "link"
    assert config.config().trust == "link"


def test_what_code_says_counts_until_it_says_otherwise() -> None:
    otel_eda.enable(only=(), trust="link")
    assert config.config().trust == "link"
    otel_eda.enable(only=())
    assert config.config().trust == "parent"


def test_the_file_counts_before_variables_and_code_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_declared", {})
    monkeypatch.setenv("OTEL_EDA_TRUST", "drop")
    config.from_file({"trust": "link", "capture_key": "hash"})
    assert (config.config().trust, config.config().capture_key) == ("link", "hash")
    otel_eda.enable(only=(), trust="parent")
    assert (config.config().trust, config.config().capture_key) == ("parent", "hash")


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


def test_the_environment_is_read_when_first_asked_for_and_at_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
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
