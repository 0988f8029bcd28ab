"""What is instrumented in an environment, in a program, in this process."""

from __future__ import annotations

import importlib
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace

from otel_eda import config, suite
from otel_eda.core.inprocess import registries
from otel_eda.core.runtime.guard import failures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.core import Library

LAUNCHER = "opentelemetry-instrument"
DISTRIBUTIONS = (
    "otel-eda",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp",
)

Report = dict[str, Any]


def of_environment() -> Report:
    """Import every library there is, instrument it, report, and put everything back."""
    for library in suite.LIBRARIES.values():
        if _installed(library.distribution):
            _import(library)
    with _quiet():
        suite.enable()
    try:
        return of_process() | {"spans": None, "metrics": None}  # nobody has configured the SDK in here
    finally:
        suite.disable()


def of_command(command: list[str]) -> Report:
    """Run an application under the launcher and give the report it leaves at its end; raises `OSError`."""
    launcher = shutil.which(LAUNCHER, path=Path(sys.executable).parent) or LAUNCHER
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.json")
        environ = os.environ | {config.variable("report"): str(file)}
        status = subprocess.run([launcher, *command], env=environ, check=False).returncode
        if not file.exists():
            raise OSError(f"the application left no report: it ended with status {status}, or was killed")
        found: Report = json.loads(file.read_text(encoding="utf-8"))
    return found


def of_process() -> Report:
    """Report on this process."""
    return {
        "python": platform.python_version(),
        "versions": {name: _installed(name) for name in DISTRIBUTIONS},
        "libraries": [_library(library) for library in suite.LIBRARIES.values()],
        "registries": [
            f"{item.owner.__module__}:{item.owner.__qualname__}({item.register},{item.dispatch},{item.event_type})"
            for item in registries.registries.all.values()
        ],
        "failures": dict(failures),
        "spans": _provider(trace.get_tracer_provider()),
        "metrics": _provider(metrics.get_meter_provider()),
    }


def leave(file: str) -> None:
    """Write the report on this process."""
    Path(file).write_text(json.dumps(of_process()), encoding="utf-8")


def _library(library: Library) -> Report:
    loaded = library.version
    return {
        "name": library.name,
        "distribution": library.distribution,
        "installed": _installed(library.distribution),
        "loaded": ".".join(map(str, loaded)) if loaded else None,
        "supported": library.range,
        "on": library.on,
        "patched": sorted(done.place for done in library.patches.values()),
        "not patched": dict(library.refused),
        "disabled": f"eda_{library.name}" in _disabled(),
        "official": _official(library),
    }


def _official(library: Library) -> str | None:
    if library.official is None:
        return None
    module, _, name = library.official.partition(":")
    found = [
        entry for entry in entry_points(group="opentelemetry_instrumentor") if entry.value.startswith(f"{module}:")
    ]
    if not found:
        return None
    return "replaced" if config.config().takeover else f"left to {name} where that is on"


def _disabled() -> set[str]:
    return {name.strip() for name in os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _import(library: Library) -> None:
    for shape in library.shapes:
        try:
            importlib.import_module(shape.target.partition(":")[0])
        except Exception as error:  # noqa: BLE001, PERF203  # whatever it raises is the finding
            if _foreign(error, library) or shape.target.endswith("?"):
                continue
            library.refused[shape.target.partition(":")[0]] = f"it cannot be imported: {error}"


def _foreign(error: Exception, library: Library) -> bool:
    # A part of the library for something that is not installed: the application cannot use it either.
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return missing is not None and missing.partition(".")[0] != library.package


def _provider(provider: object) -> str:
    kind = type(provider)
    return f"{kind.__module__}.{kind.__qualname__}"


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("otel_eda")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
