"""`otel-eda diagnose`."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from typer import Option

from otel_eda.diagnosis import CLEAN, PARTLY, BusyError
from otel_eda.diagnosis.reports import ReportFormat, by_name
from otel_eda.diagnosis.settings import Bounds

from .gathered import gathered
from .options import Judging, Reading
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
    news: Annotated[
        bool,
        Option("--news", help="Report only what no run before has told. A ClickHouse with ?eda=DATABASE remembers it."),
    ] = False,
    state: Annotated[
        Path | None,
        Option(metavar="FILE", help="Remember in this file what was told, and report only news."),
    ] = None,
) -> int:
    """Diagnose and report."""
    from otel_eda.diagnosis import engine
    from otel_eda.diagnosis.reports import check, write

    checks, only_news, kind = judging.checks(), news or state is not None, format_ or by_name(output)
    try:
        with gathered(reading, state, only_news=only_news) as found:
            check(kind, found.store)
            with steps(len(checks)) as step:
                both = _both(found.begin, step)
                diagnosis = engine.diagnose(found.tables, checks, bounds, both, judging.evidence, only_news=only_news)
            with output.open("w", encoding="utf-8") if output else nullcontext(sys.stdout) as file:
                write(kind, diagnosis, found.store, file, jaeger=judging.jaeger_url, details=details)
                file.flush()
            if only_news:
                found.remember()  # it has been told now
    except BusyError as error:
        print(f"otel-eda: {error}", file=sys.stderr)
        return CLEAN
    return PARTLY if diagnosis.not_run else judging.status(finding.verdict for finding in diagnosis.findings)


def _both(one: Callable[[str], None], other: Callable[[str], None]) -> Callable[[str], None]:
    def called(what: str) -> None:
        one(what)
        other(what)

    return called
