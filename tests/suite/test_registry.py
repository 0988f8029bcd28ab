"""The registry of our names, which ships with the package, has all there are, and follows the rules for names."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeter
from support.conventions import REGISTRY, conventions, own_attributes, references, registry

from otel_eda import semconv
from otel_eda.core import monitor
from otel_eda.core.telemetry.instruments import Metrics

VALUES = {semconv.UNRESOLVED, semconv.NACKED, semconv.RETURNED}  # of `error.type`
METRICS = {name: group for name, group in registry().items() if group["type"] == "metric"}
EVENTS = {name: group for name, group in registry().items() if group["type"] == "event"}
NAMES = [
    *own_attributes(),
    *(group["metric_name"] for group in METRICS.values()),
    *(group["name"] for group in EVENTS.values()),
]
OTHERS = {"code.function.name"}  # of conventions that are not about messaging


class Instruments(NoOpMeter):
    """Notes which instruments it is asked for."""

    def __init__(self) -> None:
        super().__init__("registry")
        self.made: dict[str, tuple[str, str, str]] = {}

    def create_observable_counter(self, name: str, *args: Any, **_: Any) -> Any:
        self.made[name] = ("counter", args[1], args[2])

    def create_observable_up_down_counter(self, name: str, *args: Any, **_: Any) -> Any:
        self.made[name] = ("updowncounter", args[1], args[2])

    def create_observable_gauge(self, name: str, *args: Any, **_: Any) -> Any:
        self.made[name] = ("gauge", args[1], args[2])

    def create_histogram(self, name: str, *args: Any, **_: Any) -> Any:
        self.made[name] = ("histogram", args[0], args[1])


def test_it_has_every_name_of_ours_and_no_other() -> None:
    ours = {value.rstrip(".") for value in vars(semconv).values() if isinstance(value, str) and value[:4] == "eda."}
    assert sorted(NAMES) == sorted(ours - VALUES)


def test_its_metrics_are_those_that_are_made() -> None:
    meter = Instruments()
    monitor.observe(meter, Metrics(meter), first=True)
    told = {one["metric_name"]: (one["instrument"], one["unit"], one["brief"]) for one in METRICS.values()}
    assert told == {name: made for name, made in meter.made.items() if name.startswith("eda.")}


@pytest.mark.parametrize("group", [*METRICS.values(), *EVENTS.values()], ids=lambda group: group["id"])
def test_what_it_refers_to_is_there(group: dict[str, Any]) -> None:
    known = {*own_attributes(), *conventions()["attributes"]}
    assert references(group) - OTHERS <= known


def test_no_name_is_the_namespace_of_another() -> None:
    everything = {*NAMES, *conventions()["attributes"], *conventions()["metrics"]}
    templates = {name for name, entry in own_attributes().items() if entry["type"].startswith("template")}
    wrong = [
        (name, other)
        for name, other in permutations(sorted(everything), 2)
        if other.startswith(f"{name}.") and name.startswith("eda.") and name not in templates
    ]
    assert wrong == []


@pytest.mark.parametrize("entry", [*own_attributes().values(), *METRICS.values(), *EVENTS.values()])
def test_everything_is_described(entry: dict[str, Any]) -> None:
    assert entry["brief"].endswith(".")
    assert entry["stability"] == "development"
    assert "examples" in entry or entry["type"] in {"boolean", "metric", "event"}


def test_its_manifest_builds_on_the_conventions_that_spans_claim() -> None:
    text = (REGISTRY / "registry_manifest.yaml").read_text("utf-8")
    assert f"/v{semconv.SCHEMA.rpartition('/')[2]}.zip[model]" in text
