"""`otel-eda diagnose`."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from typer import Option

from otel_eda.diagnosis.reports import ReportFormat, by_name
from otel_eda.diagnosis.settings import Bounds

from .options import Judging, Reading, loaded
from .progress import steps

EXAMPLES = (
    "otel-eda diagnose telemetry --grace 0 --details",
    "otel-eda diagnose http://localhost:16686 --since 2h -o report.html",
)


def run(
    *,
    reading: Reading,
    judging: Judging,
    bounds: Bounds,
    format_: Annotated[
        ReportFormat | None,
        Option("--format", show_default="as the FILE's name ends, else text", help="How the report is written."),
    ] = None,
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
    with loaded(reading) as store:
        with steps(len(checks)) as step:
            diagnosis = engine.diagnose(store, checks, bounds, step, judging.evidence)
        with output.open("w", encoding="utf-8") if output else nullcontext(sys.stdout) as file:
            write(format_ or by_name(output), diagnosis, store, file, jaeger=judging.jaeger_url, details=details)
    return judging.status(finding.verdict for finding in diagnosis.findings)
