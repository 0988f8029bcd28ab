"""What forecasts say of series whose truth is plain, and that they say nothing of what is not known."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_eda.forecast import Kind, TimeSeries, left_past, outlook, reaching, work_off

STEP = 60.0
Values = list[float | None]


def series(values: Values) -> TimeSeries:
    return TimeSeries(0.0, STEP, values)


def line(number: int, slope: float, begin: float = 0.0, noise: float = 0.0, seed: int = 1) -> Values:
    luck = random.Random(seed)
    return [begin + slope * place + luck.gauss(0, noise) for place in range(number)]


def test_a_line_reaches_a_bound_where_it_is() -> None:
    found = reaching(series([*line(60, 0, 100, 3), *line(40, 10, 100, 3)]), 700)
    assert found is not None
    due = (60 + 60) * STEP
    assert found.earliest <= due <= found.latest
    assert found.latest - found.earliest < 20 * STEP
    assert found.since == pytest.approx(60 * STEP, abs=10 * STEP)
    assert found.slope == pytest.approx(10 / STEP, rel=0.1)


def test_what_falls_is_what_rises_upside_down() -> None:
    down = [*line(60, 0, 1000, 3), *line(40, -10, 1000, 3)]
    up = [-value if value is not None else None for value in down]
    falling, rising = reaching(series(down), 400, falling=True), reaching(series(up), -400)
    assert falling is not None
    assert rising is not None
    assert (falling.earliest, falling.latest) == (rising.earliest, rising.latest)
    assert falling.level == -rising.level


def test_the_band_holds_how_a_line_goes_on() -> None:
    band = outlook(series(line(60, 5, 0, 10)), 20 * STEP)
    assert band is not None
    assert len(band.likely) == 20
    assert all(low < 5 * (60 + ahead) < high for ahead, (low, high) in enumerate(zip(band.low, band.high, strict=True)))


def test_a_band_knows_the_time_of_the_day() -> None:
    day = [100.0 if 600 <= minute < 900 else 10.0 for minute in range(1440)]
    luck = random.Random(1)
    values: Values = [value * luck.uniform(0.9, 1.1) for _ in range(4) for value in day]
    band = outlook(series(values[: 3 * 1440 + 595]), 15 * STEP)
    assert band is not None
    assert band.seasonal
    assert band.likely[-1] == pytest.approx(100, rel=0.2)


@pytest.mark.parametrize("values", [[], [1.0] * 5, [None] * 50, [*line(50, 5), None]], ids=str)
def test_of_what_is_not_known_nothing_is_said(values: Values) -> None:
    assert reaching(series(values), 1000) is None
    assert outlook(series(values), 600) is None
    assert left_past(series(values)) is None


def test_readings_at_uneven_times_are_a_series_with_gaps() -> None:
    readings = [(10.0, 1.0), (40.2, 4.0), (20.1, 2.0), (79.9, 8.0), (49.8, 5.0)]
    made = TimeSeries.sampled(readings, 10.0)
    assert (made.begin, made.values) == (10.0, [1.0, 2.0, None, 4.0, 5.0, None, None, 8.0])
    assert TimeSeries.sampled((10.0 * turn, turn) for turn in range(9)).step == 10.0
    assert TimeSeries.sampled([]).values == []


def test_a_backlog_that_shrinks_has_an_end() -> None:
    lag: Values = [max(value or 0, 0) for value in line(50, -20, 2000, 5)]
    found = work_off(series(lag), series([10.0] * 50), 2)
    assert found is not None
    assert found.worked_off is not None
    assert found.worked_off.earliest <= 100 * STEP <= found.worked_off.latest
    assert not found.grows


def test_a_backlog_that_grows_needs_more_members() -> None:
    found = work_off(series([*line(40, 0), *line(40, 600, 0, 20)]), series([10.0] * 80), 2)
    assert found is not None
    assert found.worked_off is None
    assert found.comes == pytest.approx(20, rel=0.05)
    assert found.members == 5


def test_a_share_matters_by_its_own_measure() -> None:
    values: Values = [*line(60, 0, 0.01, 0.002), *line(20, 0, 0.1, 0.01)]
    found = left_past(series(values), Kind.SHARE)
    assert found is not None
    assert found.since == pytest.approx(60 * STEP, abs=3 * STEP)
    assert left_past(series([*line(60, 0, 0.01, 0.002), *line(20, 0, 0.04, 0.002)]), Kind.SHARE) is None


@pytest.mark.parametrize("step", [360, 420, 480, 840])
def test_a_change_beside_a_daily_peak_is_found_whether_or_not_a_day_is_a_whole_number_of_steps(step: int) -> None:
    luck, days, change = random.Random(1), 8, 4 * 3600
    for hour in range(0, 24, 4):
        number = (days * 86400 + hour * 3600) // step
        peak: Values = [
            (20 + 80 * math.exp(-((((place * step / 86400) % 1 - 0.5) / 0.12) ** 2))) * (1 + luck.gauss(0, 0.03))
            for place in range(number)
        ]
        doubled = [(value or 0) * (2 if number - place <= change / step else 1) for place, value in enumerate(peak)]
        assert left_past(TimeSeries(0.0, step, peak)) is None
        found = left_past(TimeSeries(0.0, step, doubled))
        assert found is not None
        assert found.since == pytest.approx(number * step - change, abs=2 * step)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12, allow_nan=False)), max_size=80),
    st.floats(-1e12, 1e12, allow_nan=False),
)
def test_whatever_the_values_the_answer_is_in_order(values: Values, bound: float) -> None:
    found = reaching(series(values), bound)
    if found is not None:
        assert series(values).end < found.earliest <= found.likely <= found.latest
    band = outlook(series(values), 3600)
    if band is not None:
        assert all(low <= middle <= high for low, middle, high in zip(band.low, band.likely, band.high, strict=True))
    left_past(series(values))
    work_off(series(values), series(values), 1)
