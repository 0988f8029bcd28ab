"""The tables in Spark: statements run in its cluster, over Parquet as `otel-eda export` writes it."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import reduce
from itertools import count
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession, functions
from sqlglot import exp

from otel_eda.diagnosis import UnusableError, columns, load
from otel_eda.diagnosis.intake import Intake

from .shapes import Shapes, bound
from .spark_sql import SETTINGS, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


SUBMITTED = "spark://"  # the session that `spark-submit` has set up
AT_ONCE = 4  # statements


@contextmanager
def opened(master: str) -> Iterator[SparkTables]:
    """Yield the tables in a session at a master; raises `UnusableError` if it cannot be had, or if a query fails."""
    builder = SparkSession.builder.appName("otel-eda").config(map=SETTINGS)
    try:
        running = (builder if master == SUBMITTED else builder.master(master)).getOrCreate()
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            yield SparkTables(running, pool)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            running.stop()
    except PySparkException as error:
        raise UnusableError(f"Spark: {str(error).strip().partition(chr(10))[0]}") from error


class SparkTables:
    """The tables of a diagnosis in a session of Spark's: views of the session, whose rows are kept.

    Kept rows are in the executors, without the plan by which they came: a plan that grows with each step would take
    Spark longer than the work. If an executor is lost, the run fails.

    A statement begins when the tables that it names are there. So several are at work at once: most are small, and
    Spark takes longer to plan them than to run them.
    """

    at_once = True  # each statement takes a second, even about nothing

    def __init__(self, running: SparkSession, pool: ThreadPoolExecutor) -> None:
        self.session, self.pool = running, pool
        self.intake = Intake()
        self.shapes = Shapes()
        self.numbers = count()
        self.parts: dict[str, list[Future[DataFrame]]] = {}  # of each table; their rows together are the table's

    def read(self, folder: str) -> None:
        """Take the tables of a folder, or of all folders that match a pattern; raises `UnusableError` without spans."""
        for table, every in columns.TABLES.items():
            types = {column.name: column.type for column in every}
            rows = self._parquet(f"{folder.rstrip('/')}/{table}.parquet", types)
            if table == "operations":
                if rows is None:
                    raise UnusableError(f"{folder}: no operations.parquet in it, as `otel-eda export` writes it")
                rows = rows.dropDuplicates(load.ROW_KEY.split(", "))
            self.intake.files += rows is not None
            self.intake.has_logs |= table == "events" and rows is not None
            self._keep(table, self._empty(types) if rows is None else rows.localCheckpoint())
            self.shapes.execute(f"CREATE TABLE {table} ({', '.join(map(' '.join, types.items()))})")
        self.intake.spans = self.one("SELECT count(DISTINCT trace_id || span_id) FROM operations")

    def execute(self, statement: str, *parameters: Any) -> None:
        """Run a statement, or have it run later."""
        tree = bound(statement, parameters)
        name = next(tree.find_all(exp.Table)).name
        if isinstance(tree, exp.Drop):
            self._drop(name)
        elif isinstance(tree, exp.Alter):
            self._keep(tree.args["actions"][0].this.name, self._whole(name))
            self._drop(name)
        elif isinstance(tree, exp.Insert):
            self._insert(name, tree.expression)
        elif name not in self.parts:
            self._create(name, tree)
        self.shapes.execute(tree.sql("duckdb"))

    def ask(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows that a statement selects."""
        return [tuple(row) for row in self._selected(*self._written(bound(statement, parameters))).collect()]

    def one(self, statement: str, *parameters: Any) -> Any:
        """Return the first value that a statement selects."""
        return self.ask(statement, *parameters)[0][0]

    def insert(self, table: str, query: str) -> None:
        """Insert what a query selects into a table's columns of the same names; the others are NULL."""
        self.execute(self.shapes.insert(table, query))

    def made(self) -> list[tuple[str, str]]:
        """Return `VIEW` or `TABLE` and the name of each that there is, views first."""
        return self.shapes.made()

    def _create(self, name: str, tree: exp.Expr) -> None:
        if isinstance(tree.this, exp.Schema):
            self._keep(name, self._empty({field.name: field.kind.sql() for field in tree.this.expressions}))
        else:
            self.parts[name] = [self.pool.submit(self._made, name, *self._written(tree.expression))]

    def _insert(self, name: str, query: exp.Expr) -> None:
        if isinstance(query, exp.Values):
            fields = self._whole(name).schema.fields
            rows = self.session.sql(query.sql("spark")).toDF(*(field.name for field in fields))
            typed = (functions.col(field.name).cast(field.dataType).alias(field.name) for field in fields)
            self._keep(name, self._whole(name).union(rows.select(*typed)))
        else:
            self.parts[name].append(self.pool.submit(self._made, "", *self._written(query)))

    def _whole(self, name: str) -> DataFrame:
        """Return a table of all its parts, as soon as they are there."""
        if len(self.parts[name]) > 1:
            self._keep(name, reduce(DataFrame.union, [part.result() for part in self.parts[name]]))
        return self.parts[name][0].result()

    def _keep(self, name: str, rows: DataFrame) -> None:
        part: Future[DataFrame] = Future()
        part.set_result(rows)
        self.parts[name] = [part]
        rows.createOrReplaceTempView(name)

    def _drop(self, name: str) -> None:
        wait(part for parts in self.parts.values() for part in parts)  # some may be made of it
        if self.parts.pop(name, None):
            self.session.catalog.dropTempView(name)

    def _written(self, query: exp.Expr) -> tuple[list[tuple[str, str]], list[Future[DataFrame]]]:
        """Return Spark's queries that answer a query, and the tables that have to be there before."""
        names = {table.name for table in query.find_all(exp.Table)} & self.parts.keys()
        for name in names:
            if len(self.parts[name]) > 1:
                self._whole(name)
        needed = [self.parts[name][0] for name in names]
        return list(written(query, self.shapes.schema(), self.numbers)), needed

    def _made(self, table: str, queries: list[tuple[str, str]], needed: list[Future[DataFrame]]) -> DataFrame:
        """Return the rows that queries select, kept, and as a table if it has a name."""
        rows = self._selected(queries, needed).localCheckpoint()
        if table:
            rows.createOrReplaceTempView(table)
        return rows

    def _selected(self, queries: list[tuple[str, str]], needed: list[Future[DataFrame]]) -> DataFrame:
        for table in needed:
            table.result()
        for name, text in queries:
            rows = self.session.sql(text)
            if name:
                rows.localCheckpoint().createOrReplaceTempView(name)
        for name, _ in queries[:-1]:
            self.session.catalog.dropTempView(name)
        return rows

    def _empty(self, types: Mapping[str, str]) -> DataFrame:
        """Return no rows; `createDataFrame` has Python make none, in each executor, whenever they are asked for."""
        fields = ", ".join(f"CAST(NULL AS {_type(kind)}) AS {name}" for name, kind in types.items())
        return self.session.sql(f"SELECT {fields} WHERE false")

    def _parquet(self, path: str, types: Mapping[str, str]) -> DataFrame | None:
        """Return the rows of a file or a folder of files; an older version's has no columns that are new."""
        try:
            found = self.session.read.parquet(path)
        except AnalysisException as error:
            if error.getCondition() == "PATH_NOT_FOUND":
                return None
            raise
        present = set(found.columns)
        return found.select(
            *(
                (functions.col(name) if name in present else functions.lit(None)).cast(_type(kind)).alias(name)
                for name, kind in types.items()
            )
        )


def _type(kind: str) -> str:
    """Return the type of Spark's that is one of DuckDB's."""
    return exp.DataType.build(kind).sql("spark")
