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


def share(name: str) -> str:
    """Return which part of a core 1,000 messages a second take, from the least to the most, as the page writes it."""
    values = column("core", name)
    return f"{min(values) / 10:.0f} to {max(values) / 10:.0f} %"


def span(values: list[float]) -> str:
    """Return the least and the greatest of some figures as the page writes them."""
    return f"{min(values)} to {max(values)} µs"


CLAIMS = [
    f"**{share('otel-eda, traces and metrics')} of one core**",
    f"Traces alone take {share('otel-eda, traces')}",
    f"take {share('official, traces')}",
    f"between {span(column('messages', 'otel-eda', configuration='sampled out + metrics')).replace(' to ', ' and ')}",
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
    assert f"spends {share('otel-eda, traces and metrics')} of one core" in README


def test_every_table_of_figures_has_all_its_columns() -> None:
    for name, table in PROGRAM["FIGURES"].items():
        assert [len(row) for row in table["rows"]] == [len(table["columns"])] * len(table["rows"]), name
        assert len(set(table["columns"])) == len(table["columns"]), name
