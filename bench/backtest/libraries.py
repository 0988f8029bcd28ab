"""The same asked of kept libraries: `python -m bench.backtest.libraries`, where river and statsmodels are installed."""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from . import shapes
from .score import scored
from .ways import WAYS

if TYPE_CHECKING:
    from otel_eda.forecast import TimeSeries

LATEST = 240  # values that a model is made of
AHEAD = 120  # minutes
EVERY = 40  # minutes from one look to the next


def river(series: TimeSeries, bound: float) -> tuple[float, float] | None:
    """Return when river's Holt-Winters, without a season, comes to the bound; it has no interval, so a fifth."""
    model: Any = importlib.import_module("river.time_series").HoltWinters(alpha=0.3, beta=0.1)
    points = series.known(max(len(series.values) - LATEST, 0))
    if len(points) < 10:
        return None
    for _, value in points:
        model.learn_one(value)
    found = next((minute for minute, value in enumerate(model.forecast(AHEAD), 1) if value >= bound), None)
    return None if found is None or points[-1][1] >= bound else (0.8 * found, 1.2 * found)


def statsmodels(series: TimeSeries, bound: float) -> tuple[float, float] | None:
    """Return when the interval of 90 % of statsmodels' exponential smoothing with a trend comes to the bound."""
    points = series.known(max(len(series.values) - LATEST, 0))
    if len(points) < 10 or len({value for _, value in points}) < 3:
        return None
    smoothing: Any = importlib.import_module("statsmodels.tsa.statespace.exponential_smoothing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = smoothing.ExponentialSmoothing([value for _, value in points], trend=True).fit(disp=False, maxiter=50)
        band = fitted.get_forecast(AHEAD).conf_int(alpha=0.1)
    earliest, latest = (
        next((minute for minute, edges in enumerate(band, 1) if edges[side] >= bound), None) for side in (1, 0)
    )
    return None if earliest is None or latest is None or points[-1][1] >= bound else (earliest, latest)


def main() -> None:
    """Print the figures of each, over one course of each shape."""
    courses = shapes.courses(1, {**shapes.QUIET, **shapes.FAULTY}, "libraries")
    for name, way in {"otel-eda": WAYS["otel-eda"], "river": river, "statsmodels": statsmodels}.items():
        score = scored(courses, way, EVERY)
        print(
            f"{name}: foretold {score.recall:.2f} of {score.events}, came true {score.came_true:.2f} of "
            f"{len(score.alarms)}, in the interval {score.coverage:.2f} of {score.intervals}, "
            f"false {score.false_a_day:.2f} on each of {score.quiet_days} quiet days"
        )


if __name__ == "__main__":
    main()
