"""Text for reports: values of telemetry as text that cannot steer a terminal, times and places in words."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from otel_eda.diagnosis.finding import Finding

LONGEST = 500
# The checks that are about what a service sends; the others, and these where there is a group, are about what it reads.
SENDING = frozenset(f"EDA{number}" for number in (101, 102, 103, 106, 107, 201, 302, 303, 404, 405, 406, 601, 703))


def printable(value: object) -> str:
    """Return a value's text, shortened, with a replacement for every character that cannot be printed."""
    text = str(value)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def plain(value: object, style: str = "") -> Text:
    """Return a value as a text of rich, without markup."""
    return Text(printable(value), style)


def moment(time: int | None) -> str:
    """Return nanoseconds since 1970 as a UTC time."""
    if time is None or not 0 <= time < 2**63:
        return "-"
    return (
        datetime.fromtimestamp(time // 1_000_000 / 1000, timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def times(first: int | None, last: int | None, *, date: bool = True) -> tuple[str, ...]:
    """Return a time, or the beginning and the end of one, in seconds; `date` if days have to be told, too."""
    shown = [moment(time)[0 if date else 11 : 19].replace("T", " ") for time in (first or last, last or first)]
    return tuple(dict.fromkeys(text or "-" for text in shown))


def period(finding: Finding) -> str:
    """Return when a finding was, in UTC: a time, or from when to when."""
    return f"at {' to '.join(times(finding.first_time, finding.last_time))} UTC"


def sends(finding: Finding) -> bool:
    """Return whether the service of a finding sends to its destination; otherwise it reads from there."""
    return finding.code in SENDING and not finding.group


def place(finding: Finding) -> str:
    """Return where a finding is: service, direction, destination, partition, offsets."""
    words = [finding.service or "-"]
    if finding.destination:
        words += ["→" if sends(finding) else "←", finding.destination]
    if finding.partition is not None:
        words.append(f"[{finding.partition}]")
    if finding.offsets:
        first, last = finding.offsets
        words.append(f"@{first}" if first == last else f"@{first}…{last}")
    return " ".join(words)
