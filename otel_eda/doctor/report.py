"""The report for people, and what is not as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.status import Status


def problems(status: Status) -> list[str]:
    """Return a line for each thing that is not as it should be, with what to do."""
    return [*_library_problems(status), *_failure_problems(status), *_endpoint_problems(status)]


def _library_problems(status: Status) -> Iterator[str]:
    for library in status["libraries"]:
        for target, why in library["not patched"].items():
            yield f"{target} is not instrumented: {why}"


def _failure_problems(status: Status) -> Iterator[str]:
    for step, number in status["failures"].items():
        yield f"the step {step} of otel-eda failed {number} times; its first traceback is in the application's log"


def _endpoint_problems(status: Status) -> Iterator[str]:
    if status["versions"]["opentelemetry-sdk"] is None:
        yield "there is no SDK, so nothing is recorded: pip install 'otel-eda[otlp]'"
    if status["endpoint"]["answers"] is False:
        yield f"nothing takes spans at {status['endpoint']['address'] or 'all'}: {status['endpoint']['why']}"


def text(status: Status) -> str:
    """Return the report for people."""
    return "\n".join([*_versions(status), *_libraries(status), *_telemetry(status), *_problems(status)])


def _versions(status: Status) -> Iterator[str]:
    yield f"Python {status['python']}"
    for name, number in status["versions"].items():
        yield f"  {name:<28} {number or 'not installed'}"


def _libraries(status: Status) -> Iterator[str]:
    yield "\nLibraries"
    for library in status["libraries"]:
        yield f"  {library['name']:<28} {_state(library)}"
        for target in library["patched"]:
            yield f"    {target}"
    yield f"  {'registries':<28} {', '.join(status['registries']) or 'none named'}"


def _state(library: Status) -> str:
    if library["installed"] is None and library["loaded"] is None:
        return f"{library['distribution']} is not installed"
    if library["disabled"]:
        return "switched off by OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    number = library["loaded"] or library["installed"]
    if library["loaded"] is None:
        return f"{number}, not imported"
    official = f"; the official instrumentation is {library['official']}" if library["official"] else ""
    return f"{number}, {len(library['patched'])} places patched{official}" if library["on"] else f"{number}, off"


def _telemetry(status: Status) -> Iterator[str]:
    endpoint = status["endpoint"]
    yield "\nTelemetry"
    for signal in ("spans", "metrics"):
        if status[signal]:
            yield f"  {signal:<28} {status[signal]}"
    answer = {True: "answers", False: "does not answer", None: endpoint["why"]}[endpoint["answers"]]
    yield f"  {endpoint['exporter']:<28} {endpoint['address'] or ''} {answer}"


def _problems(status: Status) -> Iterator[str]:
    yield "\nProblems" if status["problems"] else "\nNo problems"
    for problem in status["problems"]:
        yield f"  ! {problem}"
