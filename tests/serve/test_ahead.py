"""How a lag is likely to go on is said in units that fit."""

from __future__ import annotations

import pytest

from otel_eda.forecast import TimeSeries
from otel_eda.serve.questions.ahead import ahead


@pytest.mark.parametrize(
    ("level", "seconds", "says"),
    [(0.0, 60, "in 20 s likely 0 messages"), (7.0, 600, "in 3 min likely 7 messages")],
)
def test_a_steady_lag_stays(level: float, seconds: int, says: str) -> None:
    step = seconds / 60
    found = ahead(TimeSeries(0, step, [level] * 60), step, seconds / 3)
    assert found is not None
    assert found["says"] == says


def test_a_long_forecast_has_no_more_points_than_are_shown() -> None:
    found = ahead(TimeSeries(0, 60, [7.0] * 600), 900, 5 * 3600)
    assert found is not None
    before, last = (point[0] for point in found["points"][-2:])
    assert (last - before, last) == (900, found["last"])
    assert len(found["points"]) == 20


def test_nothing_is_foretold_of_what_is_not_known() -> None:
    assert ahead(TimeSeries(0, 1, []), 1, 60) is None
    assert ahead(TimeSeries(0, 1, [None, None]), 1, 60) is None
