"""What each engine would read otherwise, or not at all, is written so that it answers as DuckDB does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from otel_eda.diagnosis.intake import Intake
from otel_eda.diagnosis.store import Store

pytest.importorskip("sqlglot")
from otel_eda.diagnosis.engines.clickhouse import ClickHouseTables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.diagnosis.engines import Tables

    from .conftest import Server

MADE = (
    "CREATE TABLE one (name VARCHAR, place BIGINT, share DOUBLE, good BOOLEAN)",
    "CREATE TABLE other (name VARCHAR, place BIGINT)",
    "INSERT INTO one VALUES ('a', 1, 0.5, true), ('b', NULL, 2, false), ('c', 3, NULL, NULL), (NULL, 3, 1.25, true)",
    "INSERT INTO other VALUES ('a', 1), ('a', 2), ('b', 9), (NULL, 3), ('d', 7)",
    "CREATE VIEW seen AS SELECT o.*, t.place AS at FROM one o LEFT JOIN other t ON t.name = o.name",
)
QUESTIONS = {
    "a subquery whose outer row has a NULL": """
        SELECT name FROM one WHERE NOT EXISTS (
            SELECT 1 FROM other WHERE other.name = one.name AND one.place IS NULL AND other.place > 5)""",
    "a subquery after OR": """
        SELECT name FROM one WHERE place IS NULL OR EXISTS (SELECT 1 FROM other t WHERE t.name = one.name)""",
    "a subquery that is a value": """
        SELECT name, EXISTS (SELECT 1 FROM other t WHERE t.name = o.name AND t.place > o.place) AS later FROM one o""",
    "a subquery of a group": """
        SELECT name FROM one GROUP BY name
        HAVING count(place) = 0 OR NOT EXISTS (SELECT 1 FROM other t WHERE t.name = one.name)""",
    "a subquery that joins": """
        SELECT name FROM one o WHERE EXISTS (
            SELECT 1 FROM other t JOIN seen s ON s.name = t.name AND s.at = t.place
            WHERE t.name = o.name AND s.good)""",
    "two subqueries of one table": """
        SELECT name FROM one o WHERE EXISTS (SELECT 1 FROM other t WHERE t.name = o.name)
        AND NOT EXISTS (SELECT 1 FROM other t WHERE t.name = o.name AND t.place = 9)""",
    "NULL is no value of a join": "SELECT o.name, t.place FROM one o LEFT JOIN other t USING (name)",
    "NULL equals NULL where that is said": """
        SELECT o.place FROM one o JOIN other t ON t.name IS NOT DISTINCT FROM o.name""",
    "a difference from a constant": "SELECT name FROM one WHERE name IS DISTINCT FROM 'a'",
    "columns of one name in a common table": """
        WITH joined AS (SELECT o.*, t.place AS there FROM one o JOIN other t ON t.name = o.name)
        SELECT place, there FROM joined""",
    "a union whose parts have other names": "SELECT name AS n, place FROM one UNION ALL SELECT name, 7 FROM other",
    "a union drops what is there twice": "SELECT name FROM one UNION SELECT name FROM other",
    "an alias that is a column, too": "SELECT min(place) AS place, arg_min(name, place) AS name FROM one",
    "sums of nothing": "SELECT sum(place), max(name), count(*) FROM one WHERE name = 'z'",
    "truth of all": "SELECT bool_or(good), bool_and(good), count(*) FILTER (WHERE good) FROM one",
    "truth of what is not known": """
        SELECT name FROM one WHERE good IS NOT false AND NOT (place IS NULL AND good IS true)""",
    "a median between two values": "SELECT median(place), quantile_cont(place, 0.375) FROM other",
    "the largest of whole numbers and floats": "SELECT greatest(place, share, 1), least(share, 2) FROM one",
    "less than nothing": "SELECT count(*) - 10 FROM one",
    "a rounded number in a sentence": "SELECT round(share, 1) || ' s', name || place FROM one",
    "a number as text": "SELECT name || '@' || place FROM one",
    "order with NULL": "SELECT name, place FROM one ORDER BY place, name",
    "the row before": "SELECT name, lag(place) OVER (ORDER BY name) FROM one WHERE name IS NOT NULL",
    "the nearest row before": """
        SELECT o.name, t.place FROM one o ASOF LEFT JOIN other t ON t.name = o.name AND t.place <= o.place""",
    "the parts of names": "SELECT name FROM other WHERE starts_with(name, 'a') OR regexp_matches(name, '^(b|d)$')",
}


@pytest.fixture(scope="module")
def engines(server: Server) -> Iterator[tuple[Tables, Tables]]:
    with Store() as store, server.client() as client:
        client.command("CREATE DATABASE statements")
        client.database = "statements"
        tables = ClickHouseTables(client, Intake())
        for statement in MADE:
            store.execute(statement)
            tables.execute(statement)
        yield store, tables


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_answers_are_the_same(question: str, engines: tuple[Tables, Tables]) -> None:
    expected, found = (sorted(map(repr, tables.ask(question))) for tables in engines)
    assert expected
    assert found == expected


def test_parameters_are_values_and_never_words_of_the_statement(engines: tuple[Tables, Tables]) -> None:
    for tables in engines:
        assert tables.ask("SELECT name FROM one WHERE name = ? OR name = ?", "a' OR '1' = '1", "b") == [("b",)]


def test_what_is_written_for_no_engine_is_refused(engines: tuple[Tables, Tables]) -> None:
    inside = "SELECT 1 FROM other x WHERE x.name = t.name"
    with pytest.raises(ValueError, match="common table of its own"):
        engines[1].ask(f"SELECT o.name FROM one o LEFT JOIN other t ON t.name = o.name AND NOT EXISTS ({inside})")


def test_what_is_inserted_goes_where_its_names_say(engines: tuple[Tables, Tables]) -> None:
    for tables in engines:
        tables.execute("CREATE TABLE kept (place BIGINT, name VARCHAR, share DOUBLE)")
        tables.insert("kept", "SELECT 'b' AS name, 1 AS place")
        assert tables.ask("SELECT * FROM kept") == [(1, "b", None)]
        with pytest.raises((ValueError, duckdb.BinderException), match="whose"):
            tables.insert("kept", "SELECT 1 AS whose")
        tables.execute("DROP TABLE kept")


def test_tables_have_names(engines: tuple[Tables, Tables]) -> None:
    for tables in engines:
        assert tables.made() == [("VIEW", "seen"), ("TABLE", "one"), ("TABLE", "other")]
