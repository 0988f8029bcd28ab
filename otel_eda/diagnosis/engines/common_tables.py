"""Splits a query into steps, so that what it names more than once is asked once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator


def steps(query: exp.Expr, numbers: Iterator[int]) -> Iterator[tuple[str, exp.Expr]]:
    """Yield the queries by which an engine answers a query, each with the name that the later ones have for its rows.

    ClickHouse and Spark write a common table anew wherever it is named, and plan it as often; so those that are named
    more than once are steps of their own, told apart by `numbers`. The last step has no name. The query itself is
    changed.
    """
    for common in list(query.find_all(exp.With)):
        yield from _kept(common, numbers)
    yield "", query


def _kept(common: exp.With, numbers: Iterator[int]) -> Iterator[tuple[str, exp.Expr]]:
    whole = common.parent
    for table in list(common.expressions):
        if common.recursive and any(use.name == table.alias for use in table.find_all(exp.Table)):
            break  # what comes after it needs it, too
        uses = [use for use in whole.find_all(exp.Table) if use.name == table.alias] if whole else []
        if len(uses) > 1:
            name = f"step_{next(numbers)}"
            yield name, _alone(table, common.expressions)
            for use in uses:
                use.set("this", exp.to_identifier(name))
            table.pop()
    if whole and not common.expressions:
        common.pop()


def _alone(table: exp.Expr, every: list[exp.Expr]) -> exp.Expr:
    """Return the query of a common table, with those of the tables before it that it needs."""
    query: exp.Expr = table.this.copy()
    names = {each.name for each in query.find_all(exp.Table)}
    needed: list[exp.Expr] = []
    for other in reversed(every[: every.index(table)]):
        if other.alias in names:
            needed.insert(0, other.copy())
            names |= {each.name for each in other.this.find_all(exp.Table)}
    if needed:
        query.set("with_", exp.With(expressions=needed))
    return query
