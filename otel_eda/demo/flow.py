"""What the spans say: which trace is worth showing, and how each destination did."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .telemetry import Position, Span


def traces(spans: Iterable[Span]) -> dict[str, list[Span]]:
    """Group spans by their trace, each trace in the order of its spans' starts."""
    grouped: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.start):
        grouped[span.trace_id].append(span)
    return dict(grouped)


def telling(spans: Iterable[Span]) -> list[Span]:
    """Choose the trace that tells most: a failed one, through most services, that failed furthest on its way."""
    return max(traces(spans).values(), key=_interest)


def slowest(spans: Iterable[Span]) -> list[Span]:
    """Choose the trace with the longest time from its first span's start to its last span's end."""
    return max(traces(spans).values(), key=lambda trace: max(span.end for span in trace) - trace[0].start)


def _interest(trace: Sequence[Span]) -> tuple[bool, int, int, int, int]:
    services = {span.service for span in trace}
    failed = [place for place, span in enumerate(trace) if span.error]
    return bool(failed), len(services), min(failed, default=0), len(trace), -trace[0].start


@dataclass(frozen=True)
class Times:
    """Durations in nanoseconds, sorted."""

    values: tuple[int, ...]

    def quantile(self, share: float) -> int | None:
        """Give the smallest duration that `share` (0 to 1) of all do not exceed (nearest rank), None without any."""
        rank = max(math.ceil(share * len(self.values)), 1)
        return self.values[rank - 1] if self.values else None


@dataclass(frozen=True)
class Destination:
    """One destination's messages and times.

    `errors` counts the sends and processings that failed, in themselves or in a handler they called; `queue` is the
    time from the broker's acknowledgement of a message to the start of its processing.
    """

    name: str
    sent: int
    processed: int
    errors: int
    send: Times
    queue: Times
    process: Times


def destinations(spans: Sequence[Span]) -> list[Destination]:
    """Sum up every destination that was sent to or processed from, by name."""
    failed = {span.span_id for span in blamed(spans)}
    acknowledged = {span.position: span.end for span in spans if span.position and is_send(span)}
    grouped: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        if is_send(span) or is_process(span):
            grouped[span.destination].append(span)
    return [_destination(name, grouped[name], failed, acknowledged) for name in sorted(grouped)]


def is_send(span: Span) -> bool:
    """Tell whether the span sends a message."""
    return span.kind == "PRODUCER" and span.operation == "send"


def is_process(span: Span) -> bool:
    """Tell whether the span processes a message."""
    return span.kind == "CONSUMER" and span.operation == "process"


def blamed(spans: Iterable[Span]) -> Iterator[Span]:
    """Give for every failed span the operation it was part of: the nearest span above it that is not internal."""
    index = {span.span_id: span for span in spans}
    for span in index.values():
        if span.error:
            yield _operation(span, index)


def _operation(span: Span, index: Mapping[str, Span]) -> Span:
    while span.kind == "INTERNAL" and span.parent_id in index:
        span = index[span.parent_id]
    return span


def _destination(
    name: str, spans: Sequence[Span], failed: set[str], acknowledged: Mapping[Position, int]
) -> Destination:
    sends = [span for span in spans if is_send(span)]
    processes = [span for span in spans if is_process(span)]
    return Destination(
        name=name,
        sent=len(sends),
        processed=len(processes),
        errors=sum(span.span_id in failed for span in spans),
        send=_times(span.duration for span in sends),
        queue=_times(_waits(processes, acknowledged)),
        process=_times(span.duration for span in processes),
    )


def _waits(processes: Iterable[Span], acknowledged: Mapping[Position, int]) -> Iterator[int]:
    for span in processes:
        if span.position and span.position in acknowledged:
            # A consumer can be quicker than the acknowledgement's way back to the producer: then nothing waited.
            yield max(span.start - acknowledged[span.position], 0)


def _times(values: Iterable[int]) -> Times:
    return Times(tuple(sorted(values)))
