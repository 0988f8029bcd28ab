"""The tables in Spark: statements run in its cluster, over Parquet as `otel-eda export` writes it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession, functions
from sqlglot import exp

from otel_eda.diagnosis import UnusableError, columns, load
from otel_eda.diagnosis.intake import Intake

from .shapes import Shapes, bound
from .spark_sql import SETTINGS, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import DataFrame

SUBMITTED = "spark://"  # the session that `spark-submit` has set up


@contextmanager
def session(master: str) -> Iterator[SparkSession]:
    """Yield a session at a master; raises `UnusableError` if it cannot be had, or if a query fails."""
    builder = SparkSession.builder.appName("otel-eda").config(map=SETTINGS)
    try:
        running = (builder if master == SUBMITTED else builder.master(master)).getOrCreate()
        try:
            yield running
        finally:
            running.stop()
    except PySparkException as error:
        raise UnusableError(f"Spark: {str(error).strip().partition(chr(10))[0]}") from error


class SparkTables:
    """The tables of a diagnosis in a session of Spark's: views of the session, some of whose rows are kept.

    Kept rows are in the executors, without the plan by which they came: a plan that grows with each step would take
    Spark longer than the work. If an executor is lost, the run fails.
    """

    def __init__(self, running: SparkSession) -> None:
        self.session = running
        self.intake = Intake()
        self.shapes = Shapes()
        self.frames: dict[str, DataFrame] = {}

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
        """Run a statement."""
        tree = bound(statement, parameters)
        name = next(tree.find_all(exp.Table)).name
        if isinstance(tree, exp.Drop):
            self._drop(name)
        elif isinstance(tree, exp.Alter):
            self._keep(tree.args["actions"][0].this.name, self.frames[name])
            self._drop(name)
        elif isinstance(tree, exp.Insert):
            self._keep(name, self.frames[name].union(self._inserted(tree.expression, name)))
        elif name not in self.frames:
            self._create(name, tree)
        self.shapes.execute(tree.sql("duckdb"))

    def ask(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows that a statement selects."""
        return [tuple(row) for row in self._selected(bound(statement, parameters)).collect()]

    def one(self, statement: str, *parameters: Any) -> Any:
        """Return the first value that a statement selects."""
        return self.ask(statement, *parameters)[0][0]

    def columns(self, query: str) -> list[str]:
        """Return the names of the columns that a query selects."""
        return list(self.shapes.columns(query))

    def made(self) -> list[tuple[str, str]]:
        """Return `VIEW` or `TABLE` and the name of each that there is, views first."""
        return self.shapes.made()

    def _create(self, name: str, tree: exp.Expr) -> None:
        if isinstance(tree.this, exp.Schema):
            self._keep(name, self._empty({field.name: field.kind.sql() for field in tree.this.expressions}))
            return
        rows = self._selected(tree.expression)
        self._keep(name, rows.localCheckpoint() if tree.args["kind"] == "TABLE" else rows)

    def _keep(self, name: str, rows: DataFrame) -> None:
        self.frames[name] = rows
        rows.createOrReplaceTempView(name)

    def _drop(self, name: str) -> None:
        if self.frames.pop(name, None):
            self.session.catalog.dropTempView(name)

    def _selected(self, query: exp.Expr) -> DataFrame:
        names = []
        for name, text in written(query, self.shapes.schema()):
            rows = self.session.sql(text)
            if name:
                rows.localCheckpoint().createOrReplaceTempView(name)
                names.append(name)
        for name in names:
            self.session.catalog.dropTempView(name)
        return rows

    def _inserted(self, query: exp.Expr, name: str) -> DataFrame:
        """Return the rows that go into a table, with its types."""
        if not isinstance(query, exp.Values):
            return self._selected(query)
        fields = self.frames[name].schema.fields
        rows = self.session.sql(query.sql("spark")).toDF(*(field.name for field in fields))
        return rows.select(*(functions.col(field.name).cast(field.dataType).alias(field.name) for field in fields))

    def _empty(self, types: Mapping[str, str]) -> DataFrame:
        fields = ", ".join(f"{name} {_type(kind)}" for name, kind in types.items())
        return self.session.createDataFrame([], fields)

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
