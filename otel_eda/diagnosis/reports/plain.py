"""Text for reports: values of telemetry as text that cannot steer a terminal, times and places in words."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from otel_eda.diagnosis.finding import Finding

LONGEST = 500


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


def place(finding: Finding) -> str:
    """Return where a finding is: service, direction, destination, partition, offsets."""
    words = [finding.service or "-"]
    if finding.destination:
        words += ["←" if finding.group else "→", finding.destination]
    if finding.partition is not None:
        words.append(f"[{finding.partition}]")
    if finding.offsets:
        first, last = finding.offsets
        words.append(f"@{first}" if first == last else f"@{first}…{last}")
    return " ".join(words)
