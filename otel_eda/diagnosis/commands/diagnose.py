"""`otel-eda diagnose`."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import BadParameter, Option

from otel_eda.diagnosis import PARTLY
from otel_eda.diagnosis.buckets import Share
from otel_eda.diagnosis.reports import ReportFormat, by_name
from otel_eda.diagnosis.settings import Bounds

from .options import Judging, Reading, loaded
from .progress import steps

if TYPE_CHECKING:
    from otel_eda.diagnosis.catalog import Check
    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.store import Store

EXAMPLES = (
    "otel-eda diagnose telemetry --grace 0 --details",
    "otel-eda diagnose http://localhost:16686 --since 2h -o report.html",
    "otel-eda diagnose telemetry --buckets 8",
)


def _share(text: str) -> Share:
    try:
        return Share.read(text)
    except ValueError as error:
        raise BadParameter(str(error)) from None


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
    buckets: Annotated[
        Share | None,
        Option(
            parser=_share,
            metavar="N",
            help="Look at the destinations in N parts, one after another, each in the memory given; K/N: at one part.",
        ),
    ] = None,
) -> int:
    """Diagnose and report."""
    from otel_eda.diagnosis.reports import write

    checks = judging.checks()
    with loaded(reading) as store:
        diagnosis = _diagnosis(store, checks, bounds, judging.evidence, buckets)
        with output.open("w", encoding="utf-8") if output else nullcontext(sys.stdout) as file:
            write(format_ or by_name(output), diagnosis, store, file, jaeger=judging.jaeger_url, details=details)
    verdicts = (finding.verdict for finding in diagnosis.findings)
    return PARTLY if diagnosis.not_run else judging.status(verdicts)


def _diagnosis(
    store: "Store", checks: tuple["Check", ...], bounds: Bounds, evidence: int, share: Share | None
) -> "Diagnosis":
    from otel_eda.diagnosis import engine
    from otel_eda.diagnosis.buckets import run

    with steps(len(share.numbers) if share else len(checks)) as step:
        if share:
            return run.diagnose(store, checks, bounds, share, step=step, evidence=evidence)
        return engine.diagnose(store, checks, bounds, step, evidence)
