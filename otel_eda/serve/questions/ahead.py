"""How a group's lag is likely to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.forecast import TimeSeries, outlook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_eda.serve.contract.answers import Forecast

SHARE = 3  # of the time that is shown, one in so many is foretold


def ahead(levels: Mapping[int, float | None], step: float, seconds: float) -> Forecast | None:
    """Return the forecast of a lag, whose values are known for some intervals; None if it cannot be told."""
    known = sorted(slot for slot, value in levels.items() if value is not None)
    if not known:
        return None
    values = [levels.get(slot) for slot in range(known[0], known[-1] + 1)]
    found = outlook(TimeSeries(known[0] * step, step, values), seconds / SHARE)
    if found is None or not found.likely:
        return None
    points = [
        (found.begin + number * step, low, likely, high)
        for number, (low, likely, high) in enumerate(zip(found.low, found.likely, found.high, strict=True))
    ]
    last, low, likely, high = points[-1]
    return {
        "points": points,
        "says": _said(last - found.begin + step, (low, likely, high)),
        "first": points[0][0],
        "last": last,
    }


def _said(seconds: float, values: tuple[float, float, float]) -> str:
    after = f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
    low, likely, high = (f"{value:,.0f}" for value in values)
    if low == high:
        return f"in {after} likely {likely} messages"
    return f"in {after} likely {likely} messages, between {low} and {high}"
