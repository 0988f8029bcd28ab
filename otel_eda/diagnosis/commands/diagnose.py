"""`otel-eda diagnose`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.settings import EVIDENCE, Settings, described

from . import CLEAN, FOUND, amount, guarded, loaded, sources

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from otel_eda.diagnosis.catalog import Check
    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.finding import Verdict

VERDICTS = ("CONFIRMED", "LIKELY", "SUSPECT")
FORMATS = ("text", "json", "html", "github")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    sources(parser)
    parser.add_argument("--format", choices=FORMATS, default="text", help="(text)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where the report goes (standard output)")
    parser.add_argument(
        "-v", "--details", action="store_true", help="text: evidence, gates and actions of every finding"
    )
    judging(parser)


def judging(parser: argparse.ArgumentParser) -> None:
    """Declare what is looked for, by which bounds, and what is bad enough to fail."""
    parser.add_argument(
        "--select", action="append", default=[], metavar="CODE", help="only this check or family; repeat"
    )
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="CODE", help="not this check or family; repeat"
    )
    parser.add_argument(
        "--fail-on", choices=(*VERDICTS, "never"), default="LIKELY", help="status 1 from here on (LIKELY)"
    )
    parser.add_argument(
        "--evidence", type=amount, default=EVIDENCE, metavar="N", help=f"occurrences that a finding shows ({EVIDENCE})"
    )
    parser.add_argument("--jaeger-url", metavar="URL", help="Jaeger's pages: findings link to their traces")
    bounds = parser.add_argument_group("bounds")
    for name, (default, about) in described().items():
        bounds.add_argument(f"--{name.replace('_', '-')}", type=float, default=default, metavar="N", help=about)


@guarded
def run(options: argparse.Namespace) -> int:
    """Diagnose and report."""
    from otel_eda.diagnosis import engine

    checks = chosen(options)
    with _progress(len(checks) + 1) as step:
        step("reading")
        with loaded(options) as store:
            diagnosis = engine.diagnose(store, checks, settings(options), step, options.evidence)
            _report(options, diagnosis, store)
    return status((finding.verdict for finding in diagnosis.findings), options.fail_on)


def settings(options: argparse.Namespace) -> Settings:
    """Give the bounds of the command line."""
    return Settings(**{name: getattr(options, name) for name in described()})


def chosen(options: argparse.Namespace) -> tuple[Check, ...]:
    """Give the checks of the command line."""
    from otel_eda.diagnosis import catalog

    try:
        return catalog.chosen(options.select, options.ignore)
    except KeyError as error:
        raise UnusableError(f"there is no check {error.args[0]}") from error


def status(verdicts: Iterable[Verdict], fail_on: str) -> int:
    """Give the exit status for findings of these verdicts."""
    if fail_on == "never":
        return CLEAN
    worst = VERDICTS[: VERDICTS.index(fail_on) + 1]
    return FOUND if any(verdict.name in worst for verdict in verdicts) else CLEAN


def _report(options: argparse.Namespace, diagnosis: Diagnosis, store: Any) -> None:
    from otel_eda.diagnosis.reports import write

    if options.output is None:
        write(options.format, diagnosis, store, sys.stdout, options)
        return
    with options.output.open("w", encoding="utf-8") as file:
        write(options.format, diagnosis, store, file, options)


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
