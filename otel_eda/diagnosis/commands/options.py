"""The options that several commands have."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, BadParameter, Option

from otel_eda.diagnosis import CLEAN, FOUND, UnusableError, catalog
from otel_eda.diagnosis.settings import EVIDENCE, MEMORY

if TYPE_CHECKING:
    from otel_eda.diagnosis.catalog import Check
    from otel_eda.diagnosis.finding import Verdict
    from otel_eda.diagnosis.store import Store

LONGEST = timedelta(days=36_500).total_seconds()  # that a length of time may be
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
VERDICTS = ("CONFIRMED", "LIKELY", "SUSPECT")
FailOn = Literal["CONFIRMED", "LIKELY", "SUSPECT", "never"]


def moment(value: str | datetime) -> datetime:
    """Return the time that an ISO time, or how long ago it was, stands for."""
    if isinstance(value, datetime):
        return value
    if value[-1:] in UNITS and value[:-1].isdecimal():
        return datetime.now(timezone.utc) - timedelta(seconds=_seconds(value))
    try:
        read = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise BadParameter(f"{value!r} is no ISO time, and not like 30m, 2h, 1d (ago)") from None
    return read if read.tzinfo else read.astimezone()


def length(value: str | float) -> float:
    """Return the seconds that a length of time stands for: a number of them, or as 30s, 5m, 2h, 1d."""
    if isinstance(value, float):
        return value
    seconds = _seconds(value if value[-1:] in UNITS else f"{value}s")
    if not seconds:
        raise BadParameter("it must be more than 0")
    return seconds


def _seconds(text: str) -> float:
    try:
        seconds = float(text[:-1]) * timedelta(**{UNITS[text[-1]]: 1}).total_seconds()
    except ValueError:
        raise BadParameter(f"{text[:-1]!r} is no number of {UNITS[text[-1]]}") from None
    if not 0 <= seconds <= LONGEST:
        raise BadParameter("it must be within a hundred years")
    return seconds


def code_completions(incomplete: str) -> list[str]:
    """Return the codes of checks that begin like this."""
    return [check.code for check in catalog.checks() if check.code.startswith(incomplete)]


JaegerServices = Annotated[
    list[str] | None,
    Option("--service", metavar="NAME", help="Jaeger: only the traces of this service; may be repeated."),
]


@dataclass(frozen=True)
class Reading:
    """Where telemetry is read from, and how much memory its tables may take."""

    source: Annotated[
        list[str],
        Argument(
            metavar="SOURCE",
            show_default=False,
            help="A file, a pattern or a folder of OTLP JSON lines, also .gz or .zst; - for standard input; "
            "or the URL of a Jaeger query endpoint.",
        ),
    ]
    memory: Annotated[
        int, Option(min=1, metavar="MB", help="Megabytes for the tables; DuckDB puts what is beyond on disk.")
    ] = MEMORY
    service: JaegerServices = None
    since: Annotated[
        datetime,
        Option(parser=moment, metavar="TIME", show_default="1h", help="Jaeger: an ISO time, or 30m, 2h, 1d ago."),
    ] = field(default_factory=lambda: moment("1h"))
    until: Annotated[
        datetime, Option(parser=moment, metavar="TIME", show_default="now", help="Jaeger: an ISO time, or ago.")
    ] = field(default_factory=lambda: moment("0s"))


@contextmanager
def loaded(reading: Reading) -> Iterator["Store"]:
    """Yield a store that holds what is read."""
    from otel_eda.diagnosis.sources import find
    from otel_eda.diagnosis.store import Store

    with Store(reading.memory) as store:
        store.read(find(reading.source, reading.service or [], reading.since, reading.until))
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
