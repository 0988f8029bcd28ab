"""Where the time goes: the profile of each scenario, grouped by whose code it is."""

from __future__ import annotations

import cProfile
import pstats
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WARM = 500
PARTS = {
    "/otel_eda/": "ours",
    "/opentelemetry/": "OpenTelemetry",
    "/kafka/": "kafka-python",
    "/bench/": "by hand",
}
KEPT = 14


def profiled(action: Callable[[int], None], count: int) -> dict[str, Any]:
    """Give the microseconds a message that the profiler sees in each part, and in the costliest functions."""
    action(WARM)
    profile = cProfile.Profile(time.process_time)  # not the time that other programs take
    profile.enable()
    action(count)
    profile.disable()
    parts: dict[str, float] = {}
    mine: dict[str, float] = {}
    for file, name, spent in _spent(pstats.Stats(profile)):
        part, each = _part(file), spent / count * 1e6
        parts[part] = parts.get(part, 0.0) + each
        if part == "ours":
            function = f"{Path(file).stem}.{name}"
            mine[function] = mine.get(function, 0.0) + each
    return {"parts": parts, "functions": dict(sorted(mine.items(), key=lambda item: -item[1])[:KEPT])}


def _spent(stats: Any) -> Iterator[tuple[str, str, float]]:
    # The time of a builtin is its caller's: `dict.get` is nobody's code in particular.
    for (file, _, name), (_, _, own, _, callers) in stats.stats.items():
        if file != "~":
            yield file, name, own
            continue
        for (caller, _, function), (_, _, share, _) in callers.items():
            yield caller, function, share


def _part(file: str) -> str:
    return next((part for folder, part in PARTS.items() if folder in file), "Python")
