"""What is instrumented here, what is not and why, which steps of ours failed, and where telemetry goes."""

from __future__ import annotations

import argparse
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

from . import config, suite
from .core import dispatch
from .core.guard import failures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .core import Library

LAUNCHER = "opentelemetry-instrument"
DISTRIBUTIONS = (
    "otel-eda",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp",
)
EXPORTERS = {
    "grpc": "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http.trace_exporter",
}
PATIENCE = 3

Report = dict[str, Any]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the doctor's options."""
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="an application to run under opentelemetry-instrument, and to report on when it has ended; "
        "without one, what would be instrumented in this environment",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: argparse.Namespace) -> int:
    """Report; the exit status is 0, 1 if something is not as it should be, 2 if there is nothing to report on."""
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    try:
        found = of_command(command) if command else of_environment()
    except OSError as error:
        print(f"otel-eda doctor: {error}", file=sys.stderr)
        return 2
    found["endpoint"] = probe()
    found["problems"] = problems(found)
    print(json.dumps(found, indent=2) if options.json else text(found))
    return 1 if found["problems"] else 0


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
            for item in dispatch.registries.all.values()
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


# --- Where telemetry goes -----------------------------------------------------------------------------------------


class _Said(logging.Handler):
    """Keeps what an exporter logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def probe() -> Report:
    """Export nothing to where spans go by the environment, with the SDK's own exporter, and tell whether it answers."""
    chosen = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    if not chosen.startswith("otlp"):
        return {"exporter": chosen, "address": None, "answers": None, "why": "not an OTLP exporter"}
    protocol = _protocol(chosen)
    if protocol not in EXPORTERS:
        return {"exporter": protocol, "address": None, "answers": None, "why": f"{protocol} is not known"}
    try:
        made = importlib.import_module(EXPORTERS[protocol]).OTLPSpanExporter(timeout=PATIENCE)
    except ImportError as error:
        return {
            "exporter": protocol,
            "address": None,
            "answers": False,
            "why": f"{error}: pip install 'otel-eda[otlp]'",
        }
    return {"exporter": protocol, "address": str(made._endpoint), **_export(made)}


def _protocol(chosen: str) -> str:
    if chosen.startswith("otlp_proto"):
        return "http/protobuf" if chosen.endswith("http") else "grpc"
    general = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")  # the distro's default
    return os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", general)


def _export(exporter: Any) -> Report:
    said, logger = _Said(), logging.getLogger("opentelemetry.exporter")
    logger.addHandler(said)
    propagate, logger.propagate = logger.propagate, False
    try:
        answers = exporter.export([]).name == "SUCCESS"
    finally:
        logger.removeHandler(said)
        logger.propagate = propagate
        exporter.shutdown()
    return {"answers": answers, "why": None if answers else (said.lines or ["no answer"])[-1]}


# --- For people ---------------------------------------------------------------------------------------------------


def problems(found: Report) -> list[str]:
    """Say what is not as it should be, and what to do."""
    return [*_library_problems(found), *_failure_problems(found), *_endpoint_problems(found)]


def _library_problems(found: Report) -> Iterator[str]:
    for library in found["libraries"]:
        for what, why in library["not patched"].items():
            yield f"{what} is not instrumented: {why}"


def _failure_problems(found: Report) -> Iterator[str]:
    for step, number in found["failures"].items():
        yield f"the step {step} of otel-eda failed {number} times; its first traceback is in the application's log"


def _endpoint_problems(found: Report) -> Iterator[str]:
    if found["versions"]["opentelemetry-sdk"] is None:
        yield "there is no SDK, so nothing is recorded: pip install 'otel-eda[otlp]'"
    if found["endpoint"]["answers"] is False:
        yield f"nothing takes spans at {found['endpoint']['address']}: {found['endpoint']['why']}"


def text(found: Report) -> str:
    """Write a report for people."""
    return "\n".join([*_versions(found), *_libraries(found), *_telemetry(found), *_problems(found)])


def _versions(found: Report) -> Iterator[str]:
    yield f"Python {found['python']}"
    for name, number in found["versions"].items():
        yield f"  {name:<28} {number or 'not installed'}"


def _libraries(found: Report) -> Iterator[str]:
    yield "\nLibraries"
    for library in found["libraries"]:
        yield f"  {library['name']:<28} {_state(library)}"
        for target in library["patched"]:
            yield f"    {target}"
    yield f"  {'registries':<28} {', '.join(found['registries']) or 'none named'}"


def _state(library: Report) -> str:
    if library["installed"] is None and library["loaded"] is None:
        return f"{library['distribution']} is not installed"
    if library["disabled"]:
        return "switched off by OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    number = library["loaded"] or library["installed"]
    if library["loaded"] is None:
        return f"{number}, not imported"
    official = f"; the official instrumentation is {library['official']}" if library["official"] else ""
    return f"{number}, {len(library['patched'])} places patched{official}" if library["on"] else f"{number}, off"


def _telemetry(found: Report) -> Iterator[str]:
    endpoint = found["endpoint"]
    yield "\nTelemetry"
    for signal in ("spans", "metrics"):
        if found[signal]:
            yield f"  {signal:<28} {found[signal]}"
    answer = {True: "answers", False: "does not answer", None: endpoint["why"]}[endpoint["answers"]]
    yield f"  {endpoint['exporter']:<28} {endpoint['address'] or ''} {answer}"


def _problems(found: Report) -> Iterator[str]:
    yield "\nProblems" if found["problems"] else "\nNo problems"
    for problem in found["problems"]:
        yield f"  ! {problem}"
