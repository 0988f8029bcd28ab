"""Writes a statement so that each engine takes it alike: names in full, unions by name, no EXISTS but joins."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Schema: TypeAlias = "Mapping[str, Mapping[str, str]]"
FOUND = "is_there"


def portable(query: exp.Query, schema: Schema, *, joins: bool = True) -> exp.Query:
    """Return a query of DuckDB's as other engines understand it; `schema` has the types of each table's columns.

    Without `joins`, an EXISTS that speaks of the outer row stays as it is.
    """
    named = {table.name for table in query.find_all(exp.Table)}
    known: dict[str, object] = {name: dict(schema[name]) for name in named & schema.keys()}
    full = qualify(
        query,
        schema=known,
        dialect="duckdb",
        identify=False,
        quote_identifiers=False,
        validate_qualify_columns=False,
        expand_alias_refs=False,
    )
    _name_unions(full)
    typed = annotate_types(full, schema=known, dialect="duckdb")
    numbers = count()
    for select in list(typed.find_all(exp.Select)) if joins else ():
        _join_subqueries(select, numbers)
    return typed


def _name_unions(tree: exp.Expr) -> None:
    """Name the columns of a union's every part as the first part does, which is what DuckDB goes by."""
    for union in tree.find_all(exp.SetOperation):
        if not isinstance(union.parent, exp.SetOperation):
            first, *others = _parts(union)
            names = [column.alias_or_name for column in first.expressions]
            for part in others:
                columns = [column.unalias().copy() for column in part.expressions]
                part.set("expressions", [exp.alias_(each, name) for each, name in zip(columns, names, strict=True)])


def _parts(query: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(query, exp.SetOperation):
        yield from _parts(query.left)
        yield from _parts(query.right)
    elif isinstance(query, exp.Subquery):
        yield from _parts(query.this)
    else:
        yield query


def _join_subqueries(select: exp.Select, numbers: Iterator[int]) -> None:
    """Make joins of a select's EXISTS that speak of its rows: an engine may know no others, or have them wrong.

    In ClickHouse 26.9 such a subquery never matches if a column of the outer row in it is NULL, whatever it asks.
    """
    where = select.args.get("where")
    filters = conjuncts(where.this) if where else []
    for exists in list(_own(select)):
        sources = _sources(exists.this)
        if all(column.table in sources for column in _columns(exists.this)):
            continue
        name = f"other_{next(numbers)}"
        whole = exists.parent if isinstance(exists.parent, exp.Not) else exists
        others = [each for each in filters if _bare(each) is not whole]
        if len(others) < len(filters):
            filters, kind = others, "ANTI" if isinstance(whole, exp.Not) else "SEMI"
        else:
            kind = "ANY"
            exists.replace(_found(exists, name))
        select.append("joins", _join(exists.this, sources, name, kind))
    if where:
        select.set("where", exp.Where(this=exp.and_(*filters, copy=False)) if filters else None)


def _found(exists: exp.Exists, name: str) -> exp.Expr:
    """Return what is true where a row of a join by that name is there; of a group, where it is for all of its rows."""
    if isinstance(exists.find_ancestor(exp.Join, exp.Select), exp.Join):
        raise ValueError("EXISTS in a join's condition: filter the joined table in a common table of its own")
    found = exp.column(FOUND, table=name)
    of_group = isinstance(exists.find_ancestor(exp.Having, exp.Select), exp.Having)
    return (exp.Max(this=found) if of_group else found).is_(exp.null()).not_()


def _columns(query: exp.Expr) -> Iterator[exp.Column]:
    """Yield the columns that a subquery names, without those that a subquery in it names."""
    return (column for column in query.find_all(exp.Column) if column.parent_select is query)


def _own(select: exp.Select) -> Iterator[exp.Exists]:
    """Yield the EXISTS of a select that are not of a select inside it."""
    return (exists for exists in select.find_all(exp.Exists) if exists.parent_select is select)


def _sources(query: exp.Expr) -> set[str]:
    """Return the names that a subquery's own tables have."""
    if not isinstance(query, exp.Select) or query.args.get("group") or query.args.get("having"):
        raise ValueError("EXISTS of groups, or of a union: give them a common table of their own")
    tables = [query.args["from_"], *query.args.get("joins", ())]
    return {table.this.alias_or_name for table in tables}


def _join(query: exp.Select, sources: set[str], name: str, kind: str) -> exp.Join:
    """Return the join with what a subquery selects, on those of its conditions that speak of the outer row."""
    inner: list[exp.Expr] = []
    across: list[exp.Expr] = []
    for condition in conjuncts(query.args["where"].this):
        tables = {column.table for column in condition.find_all(exp.Column)}
        (inner if tables <= sources else across).append(condition)
    keys: dict[str, exp.Expr] = {}
    for condition in across:
        for column in [each for each in condition.find_all(exp.Column) if each.table in sources]:
            key = f"{column.table}_{column.name}"
            keys[key] = column.copy()
            column.replace(exp.column(key, table=name))
    found = [exp.alias_(exp.true(), FOUND)] if kind == "ANY" else []
    columns = [*(exp.alias_(column, key) for key, column in keys.items()), *found]
    rows = query.select(*columns, append=False, copy=False)
    rows.set("where", exp.Where(this=exp.and_(*inner, copy=False)) if inner else None)
    return exp.Join(this=rows.subquery(name), side="LEFT", kind=kind, on=exp.and_(*across, copy=False))


def conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    """Return the conditions that a condition joins by AND."""
    if isinstance(condition, exp.And):
        return [part for side in (condition.left, condition.right) for part in conjuncts(side)]
    if isinstance(condition, exp.Paren) and isinstance(condition.this, exp.And):
        return conjuncts(condition.this)
    return [condition]


def _bare(condition: exp.Expr) -> exp.Expr:
    return _bare(condition.this) if isinstance(condition, exp.Paren) else condition
