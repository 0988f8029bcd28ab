"""The public API is eight names."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.resources import files

import pytest

import otel_eda

NAMES = ["Hooks", "disable", "enable", "extract", "handler", "inject", "process", "registry"]


def test_the_names_are_these_and_no_others() -> None:
    assert sorted(otel_eda.__all__) == NAMES
    assert all(callable(getattr(otel_eda, name)) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_says_what_it_does(name: str) -> None:
    first = (inspect.getdoc(getattr(otel_eda, name)) or "").partition("\n")[0]
    assert first.endswith((".", ":"))


def test_the_signatures_are_these() -> None:
    parameters = {name: [*inspect.signature(getattr(otel_eda, name)).parameters] for name in NAMES}
    assert parameters == {
        "Hooks": ["send", "process"],
        "disable": [],
        "enable": ["tracer_provider", "meter_provider", "only", "without", "logger_provider", "hooks", "settings"],
        "extract": ["headers"],
        "handler": ["function", "event_type"],
        "inject": ["headers"],
        "process": ["message", "destination", "system", "headers"],
        "registry": ["cls", "register", "dispatch", "event_type"],
    }


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'otel_eda' has no attribute 'nowhere'"):
        _ = otel_eda.nowhere


def test_the_package_says_that_it_is_typed() -> None:
    assert files("otel_eda").joinpath("py.typed").is_file()


def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=True)


def test_importing_it_loads_neither_an_sdk_nor_a_library() -> None:
    loaded = run("import sys; from otel_eda import *; print(*sys.modules)", "-W", "error").stdout.split()
    unwanted = ("opentelemetry.sdk", "opentelemetry.exporter", "kafka", "asyncio", "typing_extensions.test")
    assert [name for name in loaded if name.startswith(unwanted) and not name.startswith("asyncio")] == []


def test_enabling_loads_no_library() -> None:
    ran = run("import sys, otel_eda; otel_eda.enable(); print('kafka' in sys.modules); otel_eda.disable()")
    assert ran.stdout == "False\n"
    assert ran.stderr.count("spans go nowhere") == 1


def test_one_import_configures_the_sdk_and_enables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACES", "METRICS", "LOGS"):
        monkeypatch.setenv(f"OTEL_{name}_EXPORTER", "none")
    ran = run(
        "import otel_eda.auto; from opentelemetry import trace; from otel_eda import suite;"
        "print(type(trace.get_tracer_provider()).__module__, all(item.on for item in suite.LIBRARIES.values()))"
    )
    assert (ran.stdout, "go nowhere" in ran.stderr) == ("opentelemetry.sdk.trace True\n", False)


def test_a_setting_that_the_sdk_refuses_stops_no_application(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("METRICS", "LOGS"):
        monkeypatch.setenv(f"OTEL_{name}_EXPORTER", "none")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "nobodys")
    ran = run(
        "import os, otel_eda.auto; from otel_eda import suite; print(all(item.on for item in suite.LIBRARIES.values()),"
        "'OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED' in os.environ)"
    )
    assert ran.stdout == "True False\n"
    assert ran.stderr.count("is not configured") == 1
    assert "nobodys" in ran.stderr


def test_one_import_leaves_an_sdk_that_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run(
        "from opentelemetry import trace; from opentelemetry.sdk.trace import TracerProvider;"
        "own = TracerProvider(); trace.set_tracer_provider(own); import otel_eda.auto;"
        "print(trace.get_tracer_provider() is own)"
    )
    assert (ran.stdout, ran.stderr) == ("True\n", "")
