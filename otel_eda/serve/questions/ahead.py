"""How a group's lag is likely to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.forecast import TimeSeries, outlook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_eda.serve.contract.state import Forecast

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
    minutes = (last - found.begin + step) / 60
    return {
        "points": points,
        "says": f"in {minutes:.0f} min likely {likely:,.0f} messages, between {low:,.0f} and {high:,.0f}",
        "first": points[0][0],
        "last": last,
    }
