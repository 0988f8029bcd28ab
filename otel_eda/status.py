"""The status of the instrumentation in this process."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry import metrics, trace

from otel_eda.core.inprocess import registries
from otel_eda.core.runtime.guard import failures

from . import config

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_eda.core import Library

Status: TypeAlias = dict[str, Any]  # as JSON has it
DISTRIBUTIONS = (
    "otel-eda",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp",
)


def process_status(libraries: Iterable[Library]) -> Status:
    """Return the versions, libraries, registries, failures and providers of this process."""
    return {
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in DISTRIBUTIONS},
        "libraries": [_library_status(library) for library in libraries],
        "registries": [
            f"{item.owner.__module__}:{item.owner.__qualname__}({item.register},{item.dispatch},{item.event_type})"
            for item in registries.registries.all.values()
        ],
        "failures": dict(failures),
        "spans": _class_name(trace.get_tracer_provider()),
        "metrics": _class_name(metrics.get_meter_provider()),
    }


def write(file: str, libraries: Iterable[Library]) -> None:
    """Write the status of this process to a file, as JSON."""
    Path(file).write_text(json.dumps(process_status(libraries)), encoding="utf-8")


def installed(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _library_status(library: Library) -> Status:
    loaded = library.version
    return {
        "name": library.name,
        "distribution": library.distribution,
        "installed": installed(library.distribution),
        "loaded": ".".join(map(str, loaded)) if loaded else None,
        "supported": library.range,
        "on": library.on,
        "patched": sorted(patch.place for patch in library.patches.values()),
        "not patched": dict(library.refused),
        "disabled": f"eda_{library.name}" in _disabled(),
        "official": _official(library),
    }


def _official(library: Library) -> str | None:
    if library.official is None:
        return None
    module, _, name = library.official.partition(":")
    points = entry_points(group="opentelemetry_instrumentor")
    if not any(point.value.startswith(f"{module}:") for point in points):
        return None
    return "replaced" if config.config().takeover else f"left to {name} where that is on"


def _disabled() -> set[str]:
    return {name.strip() for name in os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}


def _class_name(provider: object) -> str:
    kind = type(provider)
    return f"{kind.__module__}.{kind.__qualname__}"
