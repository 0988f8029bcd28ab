"""The documentation names everything there is, and nothing that there is not."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.metrics import NoOpMeter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import otel_eda
from docs.pages import PAGES, ROOT, blocks, prose, rows
from otel_eda import cli, config, otlp, semconv, suite
from otel_eda.adapters.pyzmq import trailer
from otel_eda.core import monitor
from otel_eda.core.clients import assignment
from otel_eda.core.ledger import intervals
from otel_eda.core.telemetry.instruments import Metrics
from otel_eda.demo.options import Options
from otel_eda.diagnosis.sources.clickhouse_address import PASSWORD, PASSWORD_FILE
from otel_eda.live import aggregates
from otel_eda.otlp import queue
from otel_eda.serve.options import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

TELEMETRY = ROOT / "docs" / "telemetry.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
REPOSITORY = "OTEL_EDA_REPOSITORY"  # which `hatch_build.py` reads
ALL = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
OBSERVED = {
    getattr(semconv, name)
    for name in (
        "LAG",
        "LAG_TIME",
        "PARTITIONS",
        "ASSIGNMENTS",
        "POLL_AGE",
        "WAITING",
        "IN_FLIGHT",
        "IN_FLIGHT_AGE",
        "POLL_LIMIT",
        "UNASSIGNED",
        "MARGIN",
        "PENDING",
        "DEPTH",
        "FAILURES",
    )
}


class NoticingMeter(NoOpMeter):
    """Notes which instruments it is asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.made: list[tuple[str, str, str]] = []

    def create_observable_counter(self, name: str, *args: Any, **_: Any) -> Any:
        self.made.append((name, "counter", args[1]))

    def create_observable_up_down_counter(self, name: str, *args: Any, **_: Any) -> Any:
        self.made.append((name, "up-down counter", args[1]))

    def create_observable_gauge(self, name: str, *args: Any, **_: Any) -> Any:
        self.made.append((name, "gauge", args[1]))


UNITS = {"histogram": "Histogram", "counter": "Sum"}


def table(page: Any) -> dict[str, list[str]]:
    """Give the rows of a page's tables by the name in their first cell."""
    return {row[0].strip("`"): row[1:] for row in rows(page)}


def named_by_keys() -> dict[str, str]:
    """Give every name in `keys`, by the constant's."""
    return {
        constant: value
        for constant, value in vars(semconv).items()
        if constant.isupper() and isinstance(value, str) and constant != "SCHEMA"
    }


@pytest.mark.parametrize(("constant", "name"), named_by_keys().items())
def test_every_name_in_the_telemetry_is_explained(constant: str, name: str) -> None:
    assert f"`{name}`" in TELEMETRY.read_text(encoding="utf-8"), constant


def test_no_name_is_explained_that_there_is_not() -> None:
    told = set(re.findall(r"`((?:messaging|eda|exception|server|code|error)\.[a-z_.]+)`", TELEMETRY.read_text("utf-8")))
    assert told - set(named_by_keys().values()) == set()


def test_the_conventions_version_is_the_one_that_spans_claim() -> None:
    version = semconv.SCHEMA.rpartition("/")[2].removesuffix(".0")
    assert f"version {version}" in TELEMETRY.read_text(encoding="utf-8")


def test_the_metrics_are_those_that_are_made() -> None:
    reader = InMemoryMetricReader()
    made = Metrics(MeterProvider([reader]).get_meter("docs"))
    for instrument in vars(made).values():
        if hasattr(instrument, "durations_for"):
            instrument.durations_for({}).record(1.0)
        else:
            instrument.count_for({}).number += 1
    data = reader.get_metrics_data()
    assert data is not None
    found = {
        metric.name: (type(metric.data).__name__, metric.unit)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    told = {}
    for name, cells in table(TELEMETRY).items():
        match = re.fullmatch(r"(histogram|counter), `(.+)`", cells[0])
        if match and name not in OBSERVED:
            told[name] = (UNITS[match[1]], match[2])
    assert told == found


def test_the_observed_metrics_are_those_that_are_made() -> None:
    meter = NoticingMeter("docs")
    monitor.observe(meter, Metrics(NoOpMeter("docs")), first=True)
    told = {name: cells[0] for name, cells in table(TELEMETRY).items() if name in OBSERVED}
    assert told == {name: f"{kind}, `{unit}`" for name, kind, unit in meter.made}


def test_the_variables_table_is_that_of_the_code() -> None:
    told = {name: cells for name, cells in table(CONFIGURATION).items() if name.startswith("OTEL_EDA_")}
    assert set(told) == {config.variable(item.name) for item in fields(config.Config)}
    for item in fields(config.Config):
        values, default, example, _ = told[config.variable(item.name)]
        assert item.metadata["read"](example.strip("`")) != item.default, item.name
        shown = str(int(item.default)) if isinstance(item.default, int) else item.default
        assert default.strip("`") == (",".join(shown) if isinstance(shown, tuple) else shown), item.name
        for value in re.findall(r"`([a-z01]+)`", values):
            item.metadata["read"](value)


def test_variables_named_anywhere_exist() -> None:
    known = {config.variable(item.name) for item in fields(config.Config)} | {
        PASSWORD,
        PASSWORD_FILE,
        TOKEN,
        REPOSITORY,
    }
    named = set(re.findall(r"OTEL_EDA_[A-Z_]*[A-Z]", ALL))
    assert {name for name in named if not name.startswith("OTEL_EDA_TEST_")} <= known


def test_each_thing_can_be_switched_off_by_the_name_that_is_told() -> None:
    every = entry_points(group="opentelemetry_instrumentor")
    points = {point.name for point in every if "otel_eda" in point.value} - {"eda"}  # which takes the settings
    told = set(re.findall(r"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=(eda_\w+)", CONFIGURATION.read_text("utf-8")))
    assert told == points == {f"eda_{name}" for name in suite.NAMES}


LIVE = ROOT / "docs" / "live.md"
LIMITS = [
    (TELEMETRY, f"An account keeps {intervals.MAX_GAPS} gaps"),
    (TELEMETRY, f"A counter keeps {semconv.ATTRIBUTE_SETS} sets of attributes"),
    (TELEMETRY, f"at most every {assignment.POSITION_REPORT_NS // 10**9} seconds"),
    (TELEMETRY, f"at most {trailer.MAX_BYTES >> 10} KiB, at most {trailer.MAX_HEADERS} headers"),
    (LIVE, f"waits in {queue.QUEUE_BYTES >> 20} MB of memory"),
    (LIVE, f"Requests of more than {otlp.REQUEST_BYTES >> 20} MB"),
    (LIVE, f"the {aggregates.MOST_SERIES:,} series that are kept"),
]


@pytest.mark.parametrize(("page", "text"), LIMITS)
def test_limits_are_those_of_the_code(page: Path, text: str) -> None:
    assert text in page.read_text(encoding="utf-8").replace("\n", " ")


def test_make_targets_that_are_named_exist() -> None:
    targets = dict(re.findall(r"^([a-z]+):.*## (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", ALL, re.MULTILINE)) != set()
    for code, line in re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", ALL, re.MULTILINE):
        assert (code or line) in targets
    told = set(re.findall(r"`make ([a-z]+)` \|", (ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    assert told == set(targets) - {"help"}


def test_commands_that_are_named_exist() -> None:
    code = "\n".join(block.code for page in PAGES for block in blocks(page))
    named = {*re.findall(r"`otel-eda ([a-z]+)", ALL), *re.findall(r"^otel-eda ([a-z]+)", code, re.MULTILINE)}
    assert {"demo", "diagnose", "watch"} <= named
    for name in named:
        assert cli.main([name, "--help"]) == 0


def test_the_demos_options_are_told() -> None:
    options = {f"--{field.name.replace('_', '-')}" for field in fields(Options)}
    told = {name.split()[0] for name in table(ROOT / "examples" / "demo" / "README.md") if re.match("--[a-z]", name)}
    assert told == options


def test_every_package_of_the_core_has_its_row() -> None:
    modules = {path.stem for path in (ROOT / "otel_eda" / "core").glob("[!_]*")}
    told = {name for name, cells in table(ARCHITECTURE).items() if len(cells) == 1 and re.fullmatch("[a-z]+", name)}
    assert told - {"package"} == modules


def test_the_functions_on_a_messages_way_are_there() -> None:
    named = set(re.findall(r"`((?!otel_eda)[a-z_]+\.[a-z_]+\.\w+(?:\.\w+)?)`", ARCHITECTURE.read_text("utf-8")))
    assert len(named) > 30
    for name in named:
        package, module, *rest = name.split(".")
        above = "otel_eda.core" if (ROOT / "otel_eda" / "core" / package).exists() else "otel_eda"
        assert callable(resolve_name(f"{above}.{package}.{module}:{'.'.join(rest)}"))


def test_every_shape_has_its_row() -> None:
    exported = {name: getattr(otel_eda.core, name) for name in otel_eda.core.__all__}
    shapes = {name for name, value in exported.items() if hasattr(value, "places") and not hasattr(value, "after_call")}
    told = {name for name, cells in table(ROOT / "docs" / "adding-a-library.md").items() if len(cells) == 3}
    assert told - {"shape"} == shapes - {"Library"}
    assert len(told - {"shape"}) <= 27


def test_the_public_api_is_told() -> None:
    started = prose(ROOT / "docs" / "getting-started.md") + ALL
    assert [name for name in otel_eda.__all__ if name not in started] == []
    assert set(re.findall(r"otel_eda\.([a-z]+)\b", ALL)) <= {*otel_eda.__all__, "auto", "core", "doctor", "jobs"}
