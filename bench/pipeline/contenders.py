"""Who is measured, and how its program is started: as a user starts it, with the environment that a user sets."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contenders import ALL, BARE, HAND, NOTHING, OFFICIAL, OURS, TRACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.clients import Library

DATADOG = "datadog"
HTTP, GRPC = "http", "grpc"
PROTOCOLS = {HTTP: "http/protobuf", GRPC: "grpc"}
FOREIGN = ("OTEL_", "DD_", "PYTHON")  # of the environment: they are not meant for what is measured
ROOT = Path(__file__).parents[2]
# Larger than a round, so that nothing is lost and all pay for all of their spans.
ROOMY = {"OTEL_BSP_MAX_QUEUE_SIZE": "65536"}
DATADOGS = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_SAMPLING_RULES": '[{"sample_rate": 1}]',
    "DD_TRACE_RATE_LIMIT": "-1",
}


@dataclass(frozen=True)
class Contender:
    """One contender with what it records and how that is exported; ours may be of another tree."""

    who: str
    config: str
    protocol: str = ""
    tree: str = ""

    def command(self) -> list[str]:
        """Give what comes before the program's own command."""
        starter = {BARE: "", DATADOG: "ddtrace-run"}.get(self.who, "opentelemetry-instrument")
        beside = str(Path(sys.executable).parent)
        return [*([shutil.which(starter, path=beside) or starter] if starter else []), sys.executable]

    def environ(self, service: str, ports: Mapping[str, int]) -> dict[str, str]:
        """Give the environment of a program whose telemetry has that service's name."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        path = os.pathsep.join(filter(None, [self.tree, str(ROOT)]))
        local = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONPATH": path}
        return {**kept, **local, **(self._telemetry(ports) if self.who != BARE else {}), **named(service)}

    def _telemetry(self, ports: Mapping[str, int]) -> dict[str, str]:
        protocol = self.protocol or HTTP
        ours = self.who == OURS
        more = {
            "OTEL_EXPORTER_OTLP_PROTOCOL": PROTOCOLS[protocol],
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{ports[protocol]}",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp" if self.config == ALL else "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_PYTHON_DISTRO": "eda" if ours else "distro",
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": disabled(self.who),
        }
        return {**more, **DATADOGS} if self.who == DATADOG else more


def named(service: str) -> dict[str, str]:
    """Give the environment that names a service, for everyone."""
    return {"OTEL_SERVICE_NAME": service, "DD_SERVICE": service}


@cache
def disabled(who: str) -> str:
    """Give the instrumentations that the launcher is to leave alone: all but the contender's own."""
    if who not in {OURS, OFFICIAL}:
        return "*"
    points = entry_points(group="opentelemetry_instrumentor")
    others = {point.name for point in points if point.value.startswith("otel_eda.") != (who == OURS)}
    return ",".join(sorted(others | {"system_metrics"}))


def contenders(library: Library, protocols: Sequence[str], trees: Sequence[str]) -> Iterator[Contender]:
    """Give who is measured with a library: the bare client first, peers where they are installed and know it."""
    yield Contender(BARE, NOTHING)
    for protocol in protocols:
        yield from (Contender(HAND, config, protocol) for config in (TRACES, ALL))
        if library.official and installed(library.official.partition(":")[0]):
            yield Contender(OFFICIAL, TRACES, protocol)
        yield from (Contender(OURS, config, protocol, tree) for tree in ("", *trees) for config in (TRACES, ALL))
    if library.datadog and installed("ddtrace"):
        yield Contender(DATADOG, TRACES, HTTP)


def missing(library: Library) -> Iterator[str]:
    """Tell which peers are not measured with a library, and why."""
    for who, name in (("official", (library.official or "").partition(":")[0]), ("Datadog", "ddtrace")):
        known = library.official if who == "official" else library.datadog
        if not known:
            yield f"{who} does not know {library.name}"
        elif not installed(name):
            yield f"{who} is not installed"


def installed(module: str) -> bool:
    """Tell whether a module is there."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
