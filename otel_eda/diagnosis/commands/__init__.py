"""The subcommands of `otel-eda` that read telemetry. They import the engine only when they run: it is an extra."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.settings import MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_eda.diagnosis.store import Store

CLEAN, FOUND, UNUSABLE = 0, 1, 2
LONGEST = timedelta(days=36_500).total_seconds()
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def sources(parser: argparse.ArgumentParser, number: str = "+") -> None:
    """Declare where telemetry is read from."""
    parser.add_argument(
        "source",
        nargs=number,
        metavar="SOURCE",
        help="file, pattern or folder of OTLP JSON lines, also .gz or .zst; - for standard input; "
        "or the URL of a Jaeger query endpoint",
    )
    parser.add_argument(
        "--memory", type=amount, default=MEMORY, metavar="MB", help=f"for the tables; the rest goes to disk ({MEMORY})"
    )
    jaeger = parser.add_argument_group("Jaeger")
    jaeger.add_argument(
        "--service", action="append", default=[], metavar="NAME", help="only this service's traces; repeat"
    )
    jaeger.add_argument("--since", type=moment, default="1h", metavar="TIME", help="ISO time, or 30m, 2h, 1d ago (1h)")
    jaeger.add_argument("--until", type=moment, default="0s", metavar="TIME", help="ISO time, or ago (now)")


def moment(text: str) -> datetime:
    """Read a time, or how long ago it was."""
    if text[-1:] in UNITS and text[:-1].isdecimal():
        return datetime.now(timezone.utc) - timedelta(seconds=_seconds(text))
    read = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return read if read.tzinfo else read.astimezone()


def length(text: str) -> float:
    """Read how long something is to last: seconds, or as 30s, 5m, 2h, 1d."""
    seconds = _seconds(text if text[-1:] in UNITS else f"{text}s")
    if not seconds:
        raise ValueError(text)
    return seconds


def _seconds(text: str) -> float:
    seconds = float(text[:-1]) * timedelta(**{UNITS[text[-1]]: 1}).total_seconds()
    if not 0 <= seconds <= LONGEST:
        raise ValueError(text)
    return seconds


def amount(text: str) -> int:
    """Read a number of what there must be some of."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Make a command say in one line why it cannot run, and end with status 2."""

    def command(options: argparse.Namespace) -> int:
        try:
            return run(options)
        except (UnusableError, OSError) as error:  # of the system: no room on the disk, no right to read
            complain(str(error))
        except ModuleNotFoundError as error:
            complain(f"{error}: pip install 'otel-eda[{getattr(options, 'extra', 'diagnosis')}]'")
        return UNUSABLE

    return command


def complain(line: str) -> None:
    """Say on standard error what is wrong; what comes from telemetry or a file's name cannot steer the terminal."""
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
    print(f"otel-eda: {printable}", file=sys.stderr)


@contextmanager
def loaded(options: argparse.Namespace) -> Iterator[Store]:
    """Load the sources of the command line."""
    from otel_eda.diagnosis.sources import find
    from otel_eda.diagnosis.store import Store

    with Store(options.memory) as store:
        store.read(find(options.source, options))
        yield store
