"""The report for people, and what is not as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

_BY_HAND = "who processes one does so in `with otel_eda.process(message):`"

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.status import Status


def problems(status: Status) -> list[str]:
    """Return a line for each thing that is not as it should be, with what to do."""
    return [*_library_problems(status), *_failure_problems(status), *_endpoint_problems(status)]


_SHORT_BODY_SECONDS = 1e-3
_ENOUGH_MESSAGES = 10


def notes(status: Status) -> list[str]:
    """Return a line for each thing that is as it should be, and that telemetry does not show or may show wrongly."""
    return [*_coverage_notes(status), *_version_notes(status), *_body_notes(status)]


def _coverage_notes(status: Status) -> Iterator[str]:
    for name in status.get("not covered", ()):
        yield f"{name} carries messages and is not covered: its messages are in no trace, unless {_BY_HAND}"


def _version_notes(status: Status) -> Iterator[str]:
    for library in status["libraries"]:
        if library.get("newer"):
            yield f"{library['name']}: {library['newer']}; it is instrumented, since every place is as it was"


def _body_notes(status: Status) -> Iterator[str]:
    for bodies in () if status.get("by hand") else status.get("bodies", ()):
        number = bodies["messages"]
        mean = bodies["seconds"] / number
        # Half of them: what is handed on may be done with before the loop is two messages further.
        if number >= _ENOUGH_MESSAGES and mean < _SHORT_BODY_SECONDS and bodies["held"] * 2 >= number:
            yield (
                f"the code that gets messages of {bodies['destination']} takes {mean * 1e6:.0f} µs for each and leaves "
                f"them to others, which no span shows, unless {_BY_HAND}"
            )


def _library_problems(status: Status) -> Iterator[str]:
    if (
        status.get("program")
        and not any(library["loaded"] for library in status["libraries"])
        and not status["registries"]
    ):
        yield "the program has imported no library that otel-eda knows, and named no registry of handlers"
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
    return "\n".join(
        [*_versions(status), *_libraries(status), *_telemetry(status), *_notes(status), *_problems(status)]
    )


def _versions(status: Status) -> Iterator[str]:
    yield f"Python {status['python']}"
    for name, number in status["versions"].items():
        yield f"  {name:<28} {number or 'not installed'}"


def _libraries(status: Status) -> Iterator[str]:
    yield "\nLibraries"
    for library in status["libraries"]:
        yield f"  {library['name']:<28} {_state(library)}"
        if library["messages"]:
            yield f"    messages: {', '.join(f'{name} {number}' for name, number in library['messages'].items())}"
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
            yield f"  {signal:<28} {status[signal]}{_way(signal, status.get('ways', {}))}"
    answer = {True: "answers", False: "does not answer", None: endpoint["why"]}[endpoint["answers"]]
    yield f"  {endpoint['exporter']:<28} {endpoint['address'] or ''} {answer}"


def _way(signal: str, ways: Status) -> str:
    """Return how cheaply a signal is recorded: see docs/cost.md."""
    cheap = ways.get("light spans" if signal == "spans" else "counted durations")
    if cheap is None:
        return ""
    if signal == "metrics":
        return ", durations counted" if cheap else ", each duration recorded by the SDK"
    if not cheap:
        return ", spans made by the SDK"
    return ", light spans" if ways["encoded for"] else ", light spans, not encoded here"


def _notes(status: Status) -> Iterator[str]:
    if status["notes"]:
        yield "\nNotes"
    for note in status["notes"]:
        yield f"  - {note}"


def _problems(status: Status) -> Iterator[str]:
    yield "\nProblems" if status["problems"] else "\nNo problems"
    for problem in status["problems"]:
        yield f"  ! {problem}"
