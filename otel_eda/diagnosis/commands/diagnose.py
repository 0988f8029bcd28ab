"""`otel-eda diagnose`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

from typer import Option

from otel_eda.diagnosis.reports import ReportFormat
from otel_eda.diagnosis.settings import Bounds

from .options import Judging, Reading, loaded

EXAMPLES = (
    "otel-eda diagnose telemetry --grace 0 --details",
    "otel-eda diagnose http://localhost:16686 --since 2h --format html -o report.html",
)


def run(
    *,
    reading: Reading,
    judging: Judging,
    bounds: Bounds,
    format_: Annotated[ReportFormat, Option("--format", help="How the report is written.")] = "text",
    output: Annotated[
        Path | None,
        Option("-o", "--output", metavar="FILE", help="Where the report goes; without it, to standard output."),
    ] = None,
    details: Annotated[
        bool, Option("-v", "--details", help="Text: show evidence, gates and action of every finding.")
    ] = False,
) -> int:
    """Diagnose and report."""
    from otel_eda.diagnosis import engine
    from otel_eda.diagnosis.reports import write

    checks = judging.checks()
    with _progress(len(checks) + 1) as step:
        step("reading")
        with loaded(reading) as store:
            diagnosis = engine.diagnose(store, checks, bounds, step, judging.evidence)
            with output.open("w", encoding="utf-8") if output else nullcontext(sys.stdout) as file:
                write(format_, diagnosis, store, file, jaeger=judging.jaeger_url, details=details)
    return judging.status(finding.verdict for finding in diagnosis.findings)


@contextmanager
def _progress(steps: int) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=steps)
        yield lambda what: bar.update(task, advance=1, description=what)
