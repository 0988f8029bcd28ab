"""The report for people, and what is not as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .examination import Report


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
        yield f"nothing takes spans at {found['endpoint']['address'] or 'all'}: {found['endpoint']['why']}"


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
