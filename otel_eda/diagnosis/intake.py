"""What was read of telemetry, and what of it could not be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNALS = ("traces", "metrics", "logs")


@dataclass
class Intake:
    """What was read: lines by signal, what could not be used, and what came twice."""

    files: int = 0
    lines: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*SIGNALS, "damaged", "foreign", "empty"), 0))
    broken: list[str] = field(default_factory=list)
    no_tables: list[str] = field(default_factory=list)
    unidentified: int = 0
    impossible: int = 0
    impossible_events: int = 0
    repeated: int = 0
    spans: int = 0
    has_logs: bool = False
    coarse: bool = False

    @property
    def otlp(self) -> int:
        """The number of lines that are OTLP."""
        return sum(self.lines[signal] for signal in SIGNALS)

    def notes(self) -> Iterator[str]:
        """Yield a line for each kind of input that was not used, with the reason."""
        for number, what, why in (
            (self.lines["damaged"], "line", "damaged, so not read"),
            (self.lines["foreign"], "line", "JSON, but not OTLP"),
            (self.unidentified, "span", "without ids, or with damaged or no times, so not used"),
            (self.impossible, "span", "with a number or message time that cannot be; it is not used"),
            (self.impossible_events, "event", "with a number that cannot be; it is not used"),
            (self.repeated, "repeated span", "used once"),
        ):
            if number:
                yield f"{plural(number, what)} {why}"
        for name in self.broken:
            yield f"{name} breaks off; what comes before that is used"
        for name in self.no_tables:
            yield f"{name} holds no table as `otel-eda export` writes it, so it is not read"
        if self.coarse:
            yield "the database keeps the times of metrics in whole seconds: while messages flow, no loss is CONFIRMED"
