"""Writes a statement of DuckDB's for ClickHouse: what sqlglot does, and what it leaves undone."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one
from sqlglot.optimizer.scope import traverse_scope

from .common_tables import steps
from .portable import portable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .portable import Schema

# How the statements understand NULL, names and unions; without them some checks fail, and some answer wrongly.
SETTINGS = {
    "join_use_nulls": 1,
    "aggregate_functions_null_for_empty": 1,
    "prefer_column_name_to_alias": 1,
    "union_default_mode": "DISTINCT",
    "join_algorithm": "hash",
    # Blocks of a table's rows are kept in memory until they are written; of a million rows, they are not needed.
    "min_insert_block_size_rows": 65_536,
    "min_insert_block_size_bytes": 16_000_000,
}
# How a table keeps rows that are read whole, a few times. Each of its many columns gets room to write by what it needs:
# otherwise ClickHouse sets megabytes aside for each.
UNORDERED = "ENGINE MergeTree ORDER BY () SETTINGS min_columns_to_activate_adaptive_write_buffer = 1"
_UNORDERED = parse_one(f"CREATE TABLE _ (_ Bool) {UNORDERED}", dialect="clickhouse").args["properties"]
HALF = exp.Literal.number("0.5")
FLOATS = {exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT, exp.DataType.Type.DECIMAL}


def written(statement: exp.Expr, schema: Schema, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the statements by which ClickHouse does what one of DuckDB's does, each with the table it makes.

    The last, which is the statement itself, has no table of its own. `schema` has the types of the columns of all
    tables there are. There, the names of all tables begin with `prefix`.
    """
    tree = statement.transform(_float)
    query = tree if isinstance(tree, exp.Query) else tree.expression
    if not isinstance(query, exp.Query):
        yield "", _plain(tree, prefix)
        return
    *before, (_, last) = steps(portable(query, schema), count())
    for name, step in before:
        yield name, _sql(_made(exp.to_table(name), step, prefix))
    if tree is query:
        yield "", _sql(_adapted(last, prefix))
    elif isinstance(tree, exp.Create):
        yield "", _sql(_made(tree.this, last, prefix))
    else:
        query.replace(_adapted(last, prefix))
        _rename(tree.this.find(exp.Table), prefix)
        yield "", _sql(tree)


def _sql(tree: exp.Expr) -> str:
    return tree.sql(dialect="clickhouse", comments=False, copy=False)


def _plain(tree: exp.Expr, prefix: str) -> str:
    """Return a statement without a query; what is a view in DuckDB is a table there, too."""
    for table in tree.find_all(exp.Table):
        _rename(table, prefix)
    if isinstance(tree, exp.Alter):
        (renamed,) = tree.args["actions"]
        return f"RENAME TABLE {tree.this.name} TO {renamed.this.name}"
    if isinstance(tree, exp.Create):
        tree.set("properties", _UNORDERED.copy())
    elif isinstance(tree, exp.Drop):
        tree.set("kind", "TABLE")
    return _sql(tree)


def _rename(table: exp.Table, prefix: str) -> None:
    table.set("this", exp.to_identifier(f"{prefix}{table.name}"))


def _made(table: exp.Table, query: exp.Expr, prefix: str) -> exp.Create:
    """Return the statement that makes a table of a query's rows, also of what is a view in DuckDB.

    A view would be planned, and read, anew by each statement that names it.
    """
    _rename(table, prefix)
    return exp.Create(this=table, kind="TABLE", expression=_adapted(query, prefix), properties=_UNORDERED.copy())


def _adapted(query: exp.Expr, prefix: str) -> exp.Expr:
    if prefix:
        sources = (source for scope in traverse_scope(query) for source in scope.sources.values())
        for table in {id(source): source for source in sources if isinstance(source, exp.Table)}.values():
            _rename(table, prefix)
    _same_kinds(query)
    _signed(query)
    _rounded(query)
    return _counted(query.transform(_function, copy=False))


def _float(node: exp.Expr) -> exp.Expr:
    """Say of a quantile what DuckDB knows: it is a float, whatever it is of."""
    is_cast = isinstance(node.parent, exp.Cast)
    return exp.cast(node.copy(), "DOUBLE") if isinstance(node, QUANTILES) and not is_cast else node


def _function(node: exp.Expr) -> exp.Expr:
    """Return what a function is there."""
    written = FUNCTIONS.get(type(node))
    return written(node) if written else node


def _exact(node: exp.Expr) -> exp.Expr:
    """Return an exact quantile: those that ClickHouse has under this name are of a sample."""
    share = node.args.get("quantile") or node.args.get("expression") or exp.Literal.number("0.5")
    return exp.ParameterizedAgg(this="quantileExactInclusive", expressions=[share], params=[node.this])


def _is(node: exp.Expr) -> exp.Expr:
    """Return a comparison with true or false, for which ClickHouse 26.3 has no IS."""
    if not isinstance(node.expression, exp.Boolean):
        return node
    return exp.func("ifNull", exp.EQ(this=node.this, expression=node.expression), exp.false())


QUANTILES = (exp.Median, exp.PercentileCont, exp.Quantile)
FUNCTIONS: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.LogicalOr: lambda node: exp.Max(this=node.this),
    exp.LogicalAnd: lambda node: exp.Min(this=node.this),
    exp.Is: _is,
    **dict.fromkeys(QUANTILES, _exact),
}


def _same_kinds(tree: exp.Expr) -> None:
    """Make all arguments of `greatest` and `least` floats if one is: with whole numbers they have no type in common."""
    for node in tree.find_all(exp.Greatest, exp.Least):
        arguments = [node.this, *node.expressions]
        kinds = {argument.type.this if argument.type else None for argument in arguments}
        if kinds & FLOATS and kinds - FLOATS:
            node.set("this", exp.cast(node.this, "DOUBLE"))
            node.set("expressions", [exp.cast(argument, "DOUBLE") for argument in node.expressions])


def _signed(tree: exp.Expr) -> None:
    """Make the whole numbers that a CASE may give signed: else what it gives has two types, and a plan for several
    machines does not know it again.
    """
    for case in tree.find_all(exp.Case):
        for value in [*(branch.args["true"] for branch in case.args["ifs"]), case.args.get("default")]:
            if isinstance(value, exp.Literal) and value.is_int:
                value.replace(exp.cast(value.copy(), "BIGINT"))


def _rounded(tree: exp.Expr) -> None:
    """Round halves up as DuckDB does, not to the even number, and write a whole number as 1.0, not 1."""
    for node in list(tree.find_all(exp.Round)):
        decimals = node.args.get("decimals")
        power = exp.Literal.number(10 ** int(decimals.name) if decimals else 1)
        sign, size = exp.func("sign", node.this.copy()), exp.func("abs", node.this)
        up = exp.func("floor", exp.Add(this=exp.Mul(this=size, expression=power), expression=HALF.copy()))
        number = exp.Div(this=exp.Mul(this=sign, expression=up), expression=power.copy())
        in_text = isinstance(node.parent, exp.DPipe | exp.Concat)
        node.replace(_as_float_text(number) if in_text else exp.paren(number))


def _as_float_text(number: exp.Expr) -> exp.Expr:
    whole = exp.Literal.string("^(-?[0-9]+)$")
    return exp.func("replaceRegexpOne", exp.func("toString", number), whole, exp.Literal.string("\\1.0"))


def _counted(tree: exp.Expr) -> exp.Expr:
    """Make counts signed: an unsigned number has no type in common with what may be negative."""
    for node in list(tree.find_all(exp.Count)):
        top: exp.Expr = node
        while isinstance(top.parent, exp.Filter | exp.Window) and top.parent.this is top:
            top = top.parent
        top.replace(exp.func("toInt64", top.copy()))
    return tree
