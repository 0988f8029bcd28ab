"""The tables of the mode *write*, as the user's own migration makes them: `otel-eda schema clickhouse` prints this."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from otel_eda.diagnosis import columns
from otel_eda.diagnosis.sources.clickhouse_tables import METRICS, literal, points, quoted

from .clickhouse_rows import log_events, metrics, operations, span_events

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = "3 DAY"
MINUTE = 60_000_000_000
TYPES = {"VARCHAR": "String", "BIGINT": "Int64", "DOUBLE": "Float64", "BOOLEAN": "Bool"}
# Texts of which nearly each row has another; of all others there are few.
MANY = {
    "trace_id", "span_id", "parent_id", "origin_trace", "origin_span", "message_id", "correlation_id", "key_hash",
    "sender", "error_text", "repeats", "client_id",
}  # fmt: skip
NEVER_NULL = {
    "operations": {"trace_id", "span_id", "started", "ended", "service", "instance", "outcome", "kind", "linked"},
    "metrics": {"service", "instance", "name", "time"},
    "events": {"service", "instance", "name"},
}
# What tells a row that comes again: of a span's rows the span, of others the row itself.
OWN = {"operations": "impossible Bool", "metrics": "row_number UInt64", "events": "row_number UInt64"}
TIMES = {"operations": "started", "metrics": "time", "events": "ifNull(time, 0)"}
# Checks join within a destination and a time, so rows of both lie together.
ORDERS = {
    "operations": f"cityHash64(ifNull(destination, '')), intDiv(started, {MINUTE}), trace_id, span_id",
    "metrics": f"intDiv(time, {MINUTE}), service, name, row_number",
    "events": f"intDiv(ifNull(time, 0), {MINUTE}), name, row_number",
}
SHARDS = {
    "operations": "cityHash64(ifNull(destination, trace_id))",
    "metrics": "cityHash64(ifNull(destination, service))",
    "events": "cityHash64(ifNull(destination, service))",
}
VIEW = "_view"  # how the name of a view ends that fills a table
INTRO = """\
-- Tables of otel-eda, for your own migration: otel-eda itself makes no others but those of a run, which it drops.
-- Rows come a window at a time, when `otel-eda diagnose` runs; `came` says when."""
RISK = f"""\
-- Views that fill the tables with each insert of the Collector, instead of a window at a time.
-- The risk: where a view fails, the Collector's insert fails, too, and your telemetry is lost with it. So have the
-- Collector's user insert with materialized_views_ignore_errors = 1: then a failing view loses its own rows alone.
--     ALTER USER collector SETTINGS materialized_views_ignore_errors = 1;
-- What was inserted before there were views is not in the tables. otel-eda fills no table itself that has a view
-- whose name ends in {VIEW}."""
CLUSTER = """\
-- Over several shards, by destination, since most checks join within one. Each table lies on the shards as NAME_local,
-- and NAME sends each row to its shard. Not proven: tests have ClickHouse read these statements, but there is no
-- cluster in them. What was told, and the runs, lie on the shard that you connect to: always connect to the same."""


def statements(database: str, source: str, cluster: str | None = None, *, view: bool = False) -> Iterator[str]:
    """Yield the statements that make all tables in a database; `source` is the database of the exporter's tables."""
    eda, on = quoted(database), f" ON CLUSTER {quoted(cluster)}" if cluster else ""
    yield f"{INTRO}\nCREATE DATABASE IF NOT EXISTS {eda}{on}"
    for table in columns.TABLES:
        local = f"{eda}.{table}_local" if cluster else f"{eda}.{table}"
        yield _table(table, f"{local}{on}")
    if cluster:
        for number, table in enumerate(columns.TABLES):
            engine = f"Distributed({literal(cluster)}, {literal(database)}, '{table}_local', {SHARDS[table]})"
            note = "" if number else f"{CLUSTER}\n"
            yield f"{note}CREATE TABLE IF NOT EXISTS {eda}.{table}{on} AS {eda}.{table}_local\nENGINE = {engine}"
    yield TOLD.format(eda=eda)
    yield RUNS.format(eda=eda)
    if view:
        yield from _views(eda, source, on)


def _table(table: str, name: str) -> str:
    fields = [f"{column.name} {_type(table, column.name, column.type)}" for column in columns.TABLES[table]]
    listed = ",\n".join([*fields, OWN[table], "came DateTime64(3) DEFAULT now64(3)"])
    time = f"fromUnixTimestamp64Nano({TIMES[table]})"
    return f"""\
CREATE TABLE IF NOT EXISTS {name} (
{indent(listed, "    ")}
) ENGINE = MergeTree
PARTITION BY toDate({time}, 'UTC')
ORDER BY ({ORDERS[table]})
TTL toDateTime({time}) + INTERVAL {KEPT}
SETTINGS ttl_only_drop_parts = 1"""


def _type(table: str, name: str, kind: str) -> str:
    written = TYPES[kind] if name in NEVER_NULL[table] else f"Nullable({TYPES[kind]})"
    return f"LowCardinality({written})" if kind == "VARCHAR" and name not in MANY else written


def _views(eda: str, source: str, on: str) -> Iterator[str]:
    queries = {
        "operations": {"": operations("true", source)},
        "metrics": {f"_{table}": metrics(points(table, "true", source)) for table in METRICS},
        "events": {"_logs": log_events("true", source), "_spans": span_events("true", source)},
    }
    note = f"{RISK}\n"
    for table, parts in queries.items():
        for part, query in parts.items():
            name = f"{eda}.{quoted(f'{table}{part}{VIEW}')}"
            yield f"{note}CREATE MATERIALIZED VIEW IF NOT EXISTS {name}{on} TO {eda}.{table} AS\n{query.strip()}"
            note = ""


TOLD = f"""\
-- What was told: an occurrence that no run has found for {KEPT} is forgotten.
CREATE TABLE IF NOT EXISTS {{eda}}.told (
    code LowCardinality(String),
    occurrence String,
    verdict UInt8,
    found DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(found)
ORDER BY (code, occurrence, verdict)
TTL found + INTERVAL {KEPT}"""
RUNS = f"""\
-- The runs: since when each goes on, and until when its tables, named after it, are no leftovers. One at a time tells
-- news: so two at once are one.
CREATE TABLE IF NOT EXISTS {{eda}}.runs (
    run String,
    began DateTime64(3),
    until DateTime64(3),
    state Enum8('reads', 'tells', 'told'),
    said DateTime64(9) DEFAULT now64(9)
) ENGINE = MergeTree
ORDER BY run
TTL toDateTime(said) + INTERVAL {KEPT}"""
