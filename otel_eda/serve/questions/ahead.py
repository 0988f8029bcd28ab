"""How a group's lag is likely to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.diagnosis.prediction.known import trimmed
from otel_eda.forecast import outlook

if TYPE_CHECKING:
    from otel_eda.forecast import TimeSeries
    from otel_eda.serve.contract.answers import Forecast


def ahead(lag: TimeSeries, step: float, seconds: float) -> Forecast | None:
    """Return the forecast of a lag for so many seconds, a point for each step; None if it cannot be told."""
    found = outlook(trimmed(lag), seconds)
    if found is None or not found.likely:
        return None
    every = max(round(step / found.step), 1)
    points = [
        (found.begin + number * found.step, low, likely, high)
        for number, (low, likely, high) in enumerate(zip(found.low, found.likely, found.high, strict=True))
    ]
    shown = points[(len(points) - 1) % every :: every]  # with the last one
    last, low, likely, high = points[-1]
    return {
        "points": shown,
        "says": _said(last - found.begin + found.step, (low, likely, high)),
        "first": shown[0][0],
        "last": last,
    }


def _said(seconds: float, values: tuple[float, float, float]) -> str:
    after = f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
    low, likely, high = (f"{value:,.0f}" for value in values)
    if low == high:
        return f"in {after} likely {likely} messages"
    return f"in {after} likely {likely} messages, between {low} and {high}"
