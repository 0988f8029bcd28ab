"""`otel-eda diagnose`."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import BadParameter, Option

from otel_eda.diagnosis import CLEAN, PARTLY, BusyError
from otel_eda.diagnosis.buckets import Share
from otel_eda.diagnosis.reports import ReportFormat, by_name
from otel_eda.diagnosis.settings import Bounds

from .gathered import gathered
from .options import Judging, Reading, Telling, check_writable
from .progress import steps

if TYPE_CHECKING:
    from otel_eda.diagnosis.catalog import Check
    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.store import Store

    from .gathered import Gathered

EXAMPLES = (
    "otel-eda diagnose telemetry --grace 0 --details",
    "otel-eda diagnose http://localhost:16686 --since 2h -o report.html",
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
    telling: Telling,
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
            show_default="as many as the memory asks for",
            help="Look at the destinations in N parts, one after another, each in the memory given; K/N at the K-th.",
        ),
    ] = None,
) -> int:
    """Diagnose and report."""
    from otel_eda.diagnosis.reports import check, write

    if output:
        check_writable(output)
    checks, only_news, kind = judging.checks(), telling.only_news, format_ or by_name(output)
    try:
        in_buckets = buckets is not None and buckets.of > 1
        with gathered(reading, telling.state, only_news=only_news, in_buckets=in_buckets) as found:
            check(kind, found.store)
            diagnosis = _diagnosis(found, checks, bounds, judging.evidence, buckets, only_news=only_news)
            with output.open("w", encoding="utf-8") if output else nullcontext(sys.stdout) as file:
                write(kind, diagnosis, found.store, file, jaeger=judging.jaeger_url, details=details)
                file.flush()
            if only_news:
                found.remember()  # it has been told now
    except BusyError as error:
        print(f"otel-eda: {error}", file=sys.stderr)
        return CLEAN
    return PARTLY if diagnosis.not_run else judging.status(finding.verdict for finding in diagnosis.findings)


def _diagnosis(
    found: "Gathered",
    checks: tuple["Check", ...],
    bounds: Bounds,
    evidence: int,
    share: Share | None,
    *,
    only_news: bool,
) -> "Diagnosis":
    from otel_eda.diagnosis import engine
    from otel_eda.diagnosis.buckets import run

    if found.store and not share:
        share = _fitting(found.store)
    with steps(len(share.numbers) if share else len(checks)) as step:
        if found.store and share and share.of > 1:
            return run.diagnose(found.store, checks, bounds, share, step=step, evidence=evidence, only_news=only_news)
        both = _both(found.begin, step)
        return engine.diagnose(found.tables, checks, bounds, both, evidence, only_news=only_news)


def _fitting(store: "Store") -> Share | None:
    """Return the buckets that a store's telemetry needs, if any, and say so."""
    operations: int = store.one("SELECT count(*) FROM operations")
    share = Share.fitting(operations, store.memory)
    if share:
        why = f"{operations:,} operations are too many for {store.memory} MB at once"
        print(f"otel-eda: {why}: {share.of} buckets of destinations, one after another", file=sys.stderr)
    return share


def _both(one: Callable[[str], None], other: Callable[[str], None]) -> Callable[[str], None]:
    def called(what: str) -> None:
        one(what)
        other(what)

    return called
