"""A quick backtest: what the page on prediction promises holds of made traffic, and baselines do worse."""

from __future__ import annotations

import re
from functools import cache
from statistics import median
from typing import TYPE_CHECKING

import pytest
from docs.pages import ROOT

from bench.backtest import backlogs, bands, lab, polls, shapes, shifts
from bench.backtest.score import scored
from bench.backtest.ways import WAYS

if TYPE_CHECKING:
    from bench.backtest.score import Score

SEED = "quick"
EVERY = 20  # minutes
PAGE = (ROOT / "docs" / "prediction.md").read_text("utf-8")
TABLE = PAGE.partition("<!-- backtest -->")[2].partition("<!-- end -->")[0]
ROWS = {cells[1]: cells[2:-1] for line in TABLE.splitlines() if len(cells := [c.strip() for c in line.split("|")]) > 4}


def number(text: str) -> float:
    found = re.search(r"\d+(\.\d+)?", text)
    assert found is not None, text
    return float(found[0])


@cache
def courses() -> tuple[shapes.Course, ...]:
    return tuple(shapes.courses(1, {**shapes.QUIET, **shapes.FAULTY}, SEED))


@cache
def score(way: str) -> Score:
    return scored(courses(), WAYS[way], EVERY)


MEASURES = {
    "events that were foretold": lambda score: score.recall,
    "alarms that came true": lambda score: score.came_true,
    "intervals in which the event was": lambda score: score.coverage,
    "false alarms on a quiet day": lambda score: score.false_a_day,
}


def within(figure: float, bound: str) -> bool:
    """Return whether a figure is within a bound of the page: `0.8 or more`, `0.01 or less`, `0.85 to 0.95`."""
    if " to " in bound:
        least, most = map(number, bound.split(" to "))
        return least <= figure <= most
    return figure >= number(bound) if "more" in bound else figure <= number(bound)


@pytest.mark.parametrize("about", MEASURES)
def test_the_figures_of_the_page_are_within_its_bounds(about: str) -> None:
    ours, *_, bound = ROWS[about]
    assert within(number(ours), bound)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("about", ["events that were foretold", "alarms that came true", "false alarms on a quiet day"])
def test_a_quick_backtest_is_within_these_bounds(about: str) -> None:
    assert within(MEASURES[about](score("otel-eda")), ROWS[about][-1])


@pytest.mark.timeout(300)
def test_a_band_of_nine_in_ten_holds_about_that_many() -> None:
    assert 0.82 <= bands.coverage(courses(), 120) <= 0.98


@pytest.mark.timeout(300)
def test_baselines_do_worse() -> None:
    ours = score("otel-eda")
    line, last = score("last ten minutes"), score("last value")
    assert last.recall == 0
    assert line.came_true < ours.came_true - 0.2
    assert line.false_a_day > 0.3 > ours.false_a_day
    assert line.coverage < ours.coverage


@pytest.mark.timeout(300)
def test_changes_are_found_with_their_start() -> None:
    found = shifts.scored(1, SEED, every=30)
    assert (found.found, found.false) == (found.changes, 0)
    assert max(found.off) <= 10


@pytest.mark.timeout(300)
def test_backlogs_that_stay_and_the_members_that_would_do() -> None:
    found = backlogs.scored(1, SEED, every=40)
    assert found.stayed >= 0.75 * found.staying > 3
    assert 1.0 <= median(found.needed) <= 1.5


@pytest.mark.timeout(300)
def test_poll_limits_and_runs_of_the_fault_lab() -> None:
    consumers, left = polls.asked(1, SEED, every=20), lab.runs(WAYS["otel-eda"], polls.foretell)
    assert consumers.foretold == consumers.events == 2
    assert consumers.came_true >= 0.75
    assert (consumers.false_on_quiet_days, left.false_on_quiet_days) == (0, 0)
    assert min(consumers.quiet_days, left.quiet_days) > 2
