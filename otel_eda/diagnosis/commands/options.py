"""The options that several commands have."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, Option

from otel_eda import interrupts
from otel_eda.diagnosis import CLEAN, FOUND, UnusableError, catalog
from otel_eda.diagnosis.settings import EVIDENCE, MEMORY, MOST_SPANS

from .times import moment

if TYPE_CHECKING:
    from otel_eda.diagnosis.catalog import Check
    from otel_eda.diagnosis.finding import Verdict
    from otel_eda.diagnosis.store import Store

VERDICTS = ("CONFIRMED", "LIKELY", "SUSPECT")
FailOn = Literal["CONFIRMED", "LIKELY", "SUSPECT", "never"]


def code_completions(incomplete: str) -> list[str]:
    """Return the codes of checks that begin like this."""
    return [check.code for check in catalog.checks() if check.code.startswith(incomplete)]


Services = Annotated[
    list[str] | None,
    Option(
        "--service",
        metavar="NAME",
        help="Only what this service takes part in, and all of the destinations it uses; may be repeated.",
    ),
]


@dataclass(frozen=True)
class Reading:
    """Where telemetry is read from, and how much memory its tables may take."""

    source: Annotated[
        list[str],
        Argument(
            metavar="SOURCE",
            show_default=False,
            help="A file, a pattern or a folder of OTLP (JSON lines or protobuf) or of Jaeger's JSON, also .gz or "
            ".zst; - for standard input; the URL of a Jaeger or of one of its pages; or clickhouse://USER@HOST/DATABASE.",
        ),
    ]
    memory: Annotated[
        int, Option(min=1, metavar="MB", help="Megabytes for the tables; DuckDB puts what is beyond on disk.")
    ] = MEMORY
    service: Services = None
    since: Annotated[
        datetime | None,
        Option(
            parser=moment,
            metavar="TIME",
            show_default="all; of a Jaeger or ClickHouse 1h",
            help="Only what is not older: an ISO time, or 30m, 2h, 1d ago.",
        ),
    ] = None
    until: Annotated[
        datetime | None, Option(parser=moment, metavar="TIME", help="Only what is not younger: an ISO time, or ago.")
    ] = None
    max_spans: Annotated[
        int, Option(min=1, metavar="N", help="A ClickHouse is read only if it has no more spans of that time.")
    ] = MOST_SPANS


def check_writable(output: Path) -> None:
    """Raise `UnusableError` if a file cannot be written: before anything is read, which may take minutes."""
    if output.is_dir() or not os.access(output if output.exists() else output.parent, os.W_OK):
        what = "is a folder" if output.is_dir() else "cannot be written there"
        raise UnusableError(f"{output}: {what}")


@contextmanager
def loaded(reading: Reading) -> Iterator["Store"]:
    """Yield a store that holds what is read and selected."""
    from otel_eda.diagnosis import narrowing
    from otel_eda.diagnosis.sources import find, selected
    from otel_eda.diagnosis.store import Store

    from .progress import shown

    selection = selected(reading.source, reading.service or (), reading.since, reading.until)
    with Store(reading.memory) as store, interrupts.enforced(store.folder):
        with shown(store, find(reading.source, selection, reading.max_spans)) as sources:
            store.read(sources)
        narrowing.apply(store, selection)
        yield store


def _check_option(**more: Any) -> Any:
    return Option(metavar="CODE", autocompletion=code_completions, **more)


@dataclass(frozen=True)
class Judging:
    """What is looked for, how findings are shown, and which of them are bad enough to fail."""

    select: Annotated[
        list[str], _check_option(help="Only this check, or the checks whose code begins so; may be repeated.")
    ] = field(default_factory=list)
    ignore: Annotated[
        list[str], _check_option(help="Not this check, or the checks whose code begins so; may be repeated.")
    ] = field(default_factory=list)
    fail_on: Annotated[FailOn, Option(help="End with status 1 if a finding is at least that certain.")] = "LIKELY"
    evidence: Annotated[int, Option(min=1, metavar="N", help="Occurrences that a finding shows.")] = EVIDENCE
    jaeger_url: Annotated[
        str | None, Option(metavar="URL", help="Jaeger's pages, to which findings link their traces.")
    ] = None

    def checks(self) -> tuple["Check", ...]:
        """Return the checks that are selected and not ignored; raises `UnusableError` for a code that none has."""
        try:
            return catalog.chosen(self.select, self.ignore)
        except KeyError as error:
            raise UnusableError(f"there is no check {error.args[0]}") from error

    def status(self, verdicts: Iterable["Verdict"]) -> int:
        """Return the exit status for findings of these verdicts."""
        if self.fail_on == "never":
            return CLEAN
        worst = VERDICTS[: VERDICTS.index(self.fail_on) + 1]
        return FOUND if any(verdict.name in worst for verdict in verdicts) else CLEAN


@dataclass(frozen=True)
class Telling:
    """Whether only news are told, and where it is remembered what was told before."""

    news: Annotated[
        bool,
        Option("--news", help="Report only what no run before has told. A ClickHouse with ?eda=DATABASE remembers it."),
    ] = False
    state: Annotated[
        Path | None,
        Option(metavar="FILE", help="Remember in this file what was told, and report only news."),
    ] = None

    @property
    def only_news(self) -> bool:
        """Whether findings are without what was told before."""
        return self.news or self.state is not None
