"""Writes a query of DuckDB's for Spark: what sqlglot does, and what it leaves undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlglot import exp

from .common_tables import steps
from .portable import conjuncts, portable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .portable import Schema

# How Spark understands casts; a rule of its optimizer that takes away what the next one needs (EDA202); and texts of
# plans, which it writes at each step for its pages.
SETTINGS = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.RemoveRedundantAliases",
    "spark.sql.cteRecursionLevelLimit": "1000",
    "spark.sql.maxPlanStringLength": "10000",
}
FLOATS = {exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT, exp.DataType.Type.DECIMAL}
NEXT = "next_to_it"
# Of a row of an `ASOF` join, for each comparison of its time with the other row's: the function that gives the row
# after it, or before it, and how that one's time compares with the other row's if the row itself is the nearest.
NEAREST: dict[type[exp.Expr], tuple[type[exp.Expr], type[exp.Expr]]] = {
    exp.LTE: (exp.Lead, exp.GT),
    exp.LT: (exp.Lead, exp.GTE),
    exp.GTE: (exp.Lag, exp.LT),
    exp.GT: (exp.Lag, exp.LTE),
}
TURNED: dict[type[exp.Expr], type[exp.Expr]] = {exp.LTE: exp.GTE, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.GT: exp.LT}


def written(query: exp.Expr, schema: Schema, numbers: Iterator[int]) -> Iterator[tuple[str, str]]:
    """Yield the queries by which Spark answers a query, each with the name that the later ones have for its rows.

    The last has no name, those of the others have `numbers`. `schema` has the types of the columns of all tables there
    are.
    """
    for name, step in steps(_adapted(query, schema), numbers):
        yield name, step.sql(dialect="spark", comments=False)


def _adapted(query: exp.Expr, schema: Schema) -> exp.Expr:
    done = portable(cast("exp.Query", query.copy()), schema, joins=False)
    for join in list(done.find_all(exp.Join)):
        if join.method == "ASOF":
            _nearest(join)
    for window in list(done.find_all(exp.Window)):
        _spell_out(window)
    return done.transform(_function, copy=False)


def _nearest(join: exp.Join) -> None:
    """Make a join with the nearest row a join with the rows from there to the next one."""
    table = join.this
    name = table.alias_or_name
    keys: list[exp.Expr] = []
    for condition in conjuncts(join.args["on"]):
        own, kind = _side(condition, name)
        if kind in NEAREST:
            time, (function, beyond) = own, NEAREST[kind]
            other = condition.expression if own is condition.this else condition.this
        else:
            keys.append(own)
    place = exp.column(NEXT, table=name)
    on = exp.or_(place.is_(exp.null()), beyond(this=place.copy(), expression=other.copy()))
    window = exp.Window(
        this=function(this=_bare(time)),
        partition_by=[_bare(key) for key in keys],
        order=exp.Order(expressions=[exp.Ordered(this=_bare(time), nulls_first=False)]),
    )
    source = table.this.copy() if isinstance(table, exp.Subquery) else exp.select("*").from_(_unnamed(table))
    rows = exp.select("*", exp.alias_(window, NEXT)).from_(exp.Subquery(this=source, alias=exp.to_identifier("r")))
    join.set("this", rows.subquery(name))
    join.set("method", None)
    join.set("on", exp.and_(join.args["on"], on))


def _spell_out(window: exp.Window) -> None:
    """Write a named window in full: there, it cannot have a frame of its own, and `OVER name - 1` is no difference."""
    name, frame = window.args.get("alias"), window.args.get("spec")
    if name:
        select = window.parent_select
        named = next(each for each in (select.args["windows"] if select else ()) if each.name == name.name).copy()
        for part in ("partition_by", "order"):
            window.set(part, named.args.get(part))
        window.set("spec", frame or named.args.get("spec"))
        window.set("alias", None)


def _side(condition: exp.Expr, name: str) -> tuple[exp.Expr, type[exp.Expr]]:
    """Return the side of a comparison that is of a table, and the comparison as seen from there."""
    kind = type(condition)
    if {column.table for column in condition.this.find_all(exp.Column)} == {name}:
        return condition.this, kind
    return condition.expression, TURNED.get(kind, kind)


def _bare(column: exp.Expr) -> exp.Expr:
    return exp.column(column.name)


def _unnamed(table: exp.Expr) -> exp.Expr:
    copy = table.copy()
    copy.set("alias", None)
    return copy


def _function(node: exp.Expr) -> exp.Expr:
    """Return what an expression is there."""
    written = FUNCTIONS.get(type(node))
    return written(node) if written else node


def _of_something(node: exp.Expr) -> exp.Expr:
    """Return `max_by` or `min_by` that leaves out NULL, as DuckDB does."""
    known = exp.Case().when(node.this.is_(exp.null()).not_(), node.expression)
    return type(node)(this=node.this, expression=known)


def _percentile(node: exp.Expr) -> exp.Expr:
    """Return an exact quantile."""
    share = node.args.get("quantile") or node.args.get("expression") or exp.Literal.number("0.5")
    return exp.Anonymous(this="percentile", expressions=[node.this, share])


def _double(node: exp.Expr) -> exp.Expr:
    """Return a number with a point as a float: by itself it is a decimal there."""
    is_decimal = not node.is_string and "." in node.name
    return exp.cast(node.copy(), "DOUBLE") if is_decimal and not isinstance(node.parent, exp.Cast) else node


def _whole(node: exp.Expr) -> exp.Expr:
    """Round what becomes a whole number: Spark cuts it off."""
    is_float = node.this.type is not None and node.this.type.this in FLOATS
    if node.args["to"].this != exp.DataType.Type.BIGINT or not is_float or isinstance(node.this, exp.Round):
        return node
    return exp.Cast(this=exp.Round(this=node.this), to=node.args["to"])


def _filtered(node: exp.Expr) -> exp.Expr:
    """Return a function over a window of the rows that a filter leaves: there, a window has no filter."""
    inner = node.this
    if not isinstance(inner, exp.Filter):
        return node
    function = inner.this
    function.set("this", exp.Case().when(inner.expression.this, function.this))
    node.set("this", function)
    return node


FUNCTIONS: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.ArgMax: _of_something,
    exp.ArgMin: _of_something,
    exp.Cast: _whole,
    exp.Literal: _double,
    exp.Median: _percentile,
    exp.PercentileCont: _percentile,
    exp.Quantile: _percentile,
    exp.Window: _filtered,
}
