"""The charts are drawn from the file of figures, and the pages say what the figures say."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from docs.pages import ROOT

PICTURES = ROOT / "docs" / "pictures"
PROGRAM: dict[str, Any] = runpy.run_path(str(PICTURES / "charts.py"))
COST = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8").replace("\n", " ")
README = (ROOT / "README.md").read_text(encoding="utf-8").replace("\n", " ")


def column(table: str, name: str, **where: str) -> list[float]:
    """Return the figures of a column, of the rows that have these texts in their other columns."""
    found = [row for row in PROGRAM["rows"](table) if all(row[key] == value for key, value in where.items())]
    return [row[name] for row in found if row[name] is not None]


def pipeline(contender: str) -> list[dict[str, Any]]:
    """Return the rows of a contender in the whole pipeline, by OTLP over HTTP."""
    rows: list[dict[str, Any]] = PROGRAM["rows"]("pipeline")
    return [row for row in rows if row["contender"] == contender and row["export"] == "http"]


def ratio(row: dict[str, Any]) -> str:
    """Return what a contender adds, and its ratio to the official one with the interval, as the page writes it."""
    low, high = row["of official, low"], row["of official, high"]
    return f"{row['added']:.0f}; {row['of official']:.2f} ({low:.2f} to {high:.2f})"


def span(values: list[float]) -> str:
    """Return the least and the greatest of some figures as the page writes them."""
    return f"{min(values)} to {max(values)} µs"


OURS = "otel-eda, traces and metrics"
ADDED = [row["added"] for row in pipeline(OURS)]
CLAIMS = [
    *(ratio(row) for contender in (OURS, "otel-eda, traces") for row in pipeline(contender)),
    *(f"| {added:.0f} µs | {added / 100:.1f} % | {added / 10:.1f} % |" for added in ADDED),
    f"it costs {span(column('messages', 'otel-eda', configuration='sampled out + metrics'))}",
    f"between {span(column('messages', 'otel-eda', configuration='nothing records')).replace(' to ', ' and ')}",
]


@pytest.mark.parametrize("name", PROGRAM["CHARTS"])
def test_a_chart_is_what_the_program_draws(name: str) -> None:
    drawn = PROGRAM["CHARTS"][name]().draw()
    assert (PICTURES / name).read_text(encoding="utf-8") == drawn, "run python docs/pictures/charts.py"


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_page_on_cost_says_what_the_figures_say(claim: str) -> None:
    assert claim in COST


def test_the_readme_says_the_same_of_a_core() -> None:
    assert f"spends {min(ADDED) / 10:.0f} to {max(ADDED) / 10:.0f} % of one core" in README


def test_every_table_of_figures_has_all_its_columns() -> None:
    for name, table in PROGRAM["FIGURES"].items():
        assert [len(row) for row in table["rows"]] == [len(table["columns"])] * len(table["rows"]), name
        assert len(set(table["columns"])) == len(table["columns"]), name
