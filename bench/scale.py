"""`python -m bench.scale`: what a diagnosis of 1, 3 and 10 million operations costs here, in buckets, in ClickHouse.

Each runs in a process of its own, over the same tables in Parquet. Processor time is told as a multiple of what DuckDB
takes for the first size. `--millions 1 3` names the sizes, `--engines` what runs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from math import ceil
from pathlib import Path

import duckdb

from otel_eda.diagnosis import columns
from otel_eda.diagnosis.buckets import IN_A_BUCKET
from otel_eda.diagnosis.settings import MEMORY

from .arguments import positive
from .report import console

MILLION = 1_000_000
MILLIONS = (1, 3, 10)
BOUND = 1200.0  # MB that buckets may take, whatever the size
# Orders of 16 kinds pass four services each over three topics with eight partitions. Of each message there are a send,
# a process span and a call that its handler makes; one message in 20,000 fails and is committed past, one in 30,000
# is never delivered. Metrics count all of it.
EVENTS = """
CREATE TEMP VIEW messages AS
SELECT i, i // 3 AS event, i % 3 AS hop, i // 3 % 16 AS lane,
       md5('trace' || i // 3) AS trace, left(md5('send' || i), 16) AS sent, left(md5('work' || i), 16) AS worked,
       CASE WHEN i % 3 > 0 THEN left(md5('work' || (i - 1)), 16) END AS above, (i // 48 % 8)::VARCHAR AS part,
       i // 384 AS place, 1790000000000000000 + i // 3 * 1000000 + i % 3 * 5000000 AS moment,
       i % 20000 = 777 AS fails, i % 30000 = 1234 AS vanishes
FROM range({messages}) r(i)
"""
COMMON = """
'h' || (lane % 4) AS host, 'otel_eda.kafka_python' AS scope, 'kafka' AS system,
'orders-' || lane || '-' || hop AS destination, part AS partition_id, place AS message_offset,
'10.0.0.1:9092' AS server, moment AS message_time"""
SPANS = f"""
SELECT trace AS trace_id, sent AS span_id, above AS parent_id, 'service-' || lane || '-' || hop AS service,
       'process-' || lane || '-' || hop AS instance, 'send' AS name, 'PRODUCER' AS kind, moment AS started,
       moment + 2000000 AS ended, 'send' AS type, 'send' AS operation, trace AS origin_trace, sent AS origin_span,
       false AS linked, 'ok' AS outcome, NULL AS error, NULL AS consumer_group, {COMMON}
FROM messages
UNION ALL BY NAME
SELECT trace AS trace_id, worked AS span_id, sent AS parent_id, 'service-' || lane || '-' || (hop + 1) AS service,
       'process-' || lane || '-' || (hop + 1) AS instance, 'process' AS name, 'CONSUMER' AS kind,
       moment + 3000000 AS started, moment + 4500000 AS ended, 'process' AS type, 'process' AS operation,
       trace AS origin_trace, sent AS origin_span, true AS linked,
       CASE WHEN fails THEN 'error' ELSE 'ok' END AS outcome, CASE WHEN fails THEN 'ValueError' END AS error,
       'group-' || lane AS consumer_group, {COMMON}
FROM messages WHERE NOT vanishes
UNION ALL BY NAME
SELECT trace AS trace_id, left(md5('call' || i), 16) AS span_id, worked AS parent_id,
       'service-' || lane || '-' || (hop + 1) AS service, 'process-' || lane || '-' || (hop + 1) AS instance,
       'h' || (lane % 4) AS host, 'http' AS scope, 'GET' AS name, 'CLIENT' AS kind, moment + 3200000 AS started,
       moment + 4200000 AS ended, 'ok' AS outcome
FROM messages WHERE NOT vanishes
"""  # noqa: S608  # our own
COUNTS = """
SELECT service, instance, host, scope, 'messaging.client.sent.messages' AS name, min(started) - 1 AS started,
       max(ended) + 1 AS time, false AS delta, true AS rising, count(*)::DOUBLE AS value, NULL AS number, system,
       destination
FROM read_parquet('{operations}') WHERE type = 'send' GROUP BY ALL
UNION ALL
SELECT service, instance, host, scope, 'messaging.process.duration', min(started) - 1, max(ended) + 1, false, true,
       0.0015 * count(*), count(*), system, destination
FROM read_parquet('{operations}') WHERE type = 'process' GROUP BY ALL
"""


def main() -> int:
    """Measure and print the table; gives 1 if buckets took more memory than they may."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--millions", type=positive, nargs="+", default=MILLIONS)
    parser.add_argument("--engines", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    most = IN_A_BUCKET * MEMORY / MILLION
    parser.add_argument("--bucket", type=float, default=most, help="millions of operations that a bucket has at most")
    given = parser.parse_args()
    first, worst = None, 0.0
    for millions in given.millions:
        with tempfile.TemporaryDirectory() as folder:
            with console.status(f"writing {millions} million operations"):
                write(Path(folder), millions * MILLION)
            for engine in given.engines:
                with console.status(f"{engine}: {millions} million operations"):
                    seconds, memory, found = _run(engine, folder, str(ceil(millions / given.bucket)))
                first = first or seconds / millions
                worst = max(worst, memory if engine == "buckets" else 0)
                console.print(
                    f"{millions:>3} million, {engine:<10}: processor time {seconds / first:>5.1f}, "
                    f"of an operation {seconds / first / millions:.2f}, memory {memory:>6,.0f} MB, {found}"
                )
    console.print(f"bound of buckets: {BOUND:,.0f} MB: {'kept' if worst <= BOUND else 'missed'}")
    return 0 if worst <= BOUND else 1


def write(folder: Path, operations: int) -> None:
    """Write the tables of as many operations, as `otel-eda export` does."""
    with duckdb.connect(config={"memory_limit": f"{MEMORY}MB", "temp_directory": str(folder / "spill")}) as connection:
        connection.execute(EVENTS.format(messages=operations // 3))
        spans, metrics = folder / "operations.parquet", folder / "metrics.parquet"
        _copy(connection, "operations", SPANS, spans)
        _copy(connection, "metrics", COUNTS.format(operations=spans), metrics)


def _copy(connection: duckdb.DuckDBPyConnection, table: str, query: str, file: Path) -> None:
    every = columns.TABLES[table]
    names = ", ".join(f"{column.name} {column.type}" for column in every)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE shape ({names})")
    connection.execute(f"COPY (FROM shape UNION ALL BY NAME ({query})) TO '{file}' (FORMAT parquet)")


# What each process runs over the tables in the folder `sys.argv[1]`; `sys.argv[2]` is a number of buckets.
READ = """
import sys
from otel_eda.diagnosis import catalog, columns, engine
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.intake import Intake
from otel_eda.diagnosis.store import Store

def tell(diagnosis):
    print(f"{len(diagnosis.findings)} findings, checks not run: {len(diagnosis.not_run)}")
"""
PROGRAMS = {
    "duckdb": f"""{READ}
with Store() as store:
    store.read([Files(sys.argv[1])])
    tell(engine.diagnose(store, catalog.checks(), Bounds()))
""",
    "buckets": f"""{READ}
from otel_eda.diagnosis.buckets import Share, run
with Store() as store:
    store.read([Files(sys.argv[1])])
    tell(run.diagnose(store, catalog.checks(), Bounds(), Share(int(sys.argv[2]))))
""",
    "clickhouse": f"""{READ}
import tempfile
import clickhouse_connect
from otel_eda.diagnosis import LimitError
from otel_eda.diagnosis.engines.clickhouse import ClickHouseTables
with tempfile.TemporaryDirectory() as folder, clickhouse_connect.get_client(interface="chdb", path=folder) as client:
    tables = ClickHouseTables(client, Intake())
    for table, every in columns.TABLES.items():
        fields = ", ".join(f"{{column.name}} {{column.type}}" for column in every)
        tables.execute(f"CREATE TABLE {{table}} ({{fields}})")
        if table != "events":
            names = ", ".join(column.name for column in every)
            client.command(f"INSERT INTO {{table}} SELECT {{names}} FROM file('{{sys.argv[1]}}/{{table}}.parquet')")
    try:
        tell(engine.diagnose(tables, catalog.checks(), Bounds()))
    except LimitError as error:
        print(f"ended: {{error}}")
""",  # noqa: S608  # our own
}


def _run(engine: str, folder: str, buckets: str) -> tuple[float, float, str]:
    """Give processor time, peak memory in MB, and what a diagnosis tells in a process of its own."""
    command = [sys.executable, "-c", PROGRAMS[engine], folder, buckets]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        found = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1000, found.strip()


if __name__ == "__main__":
    sys.exit(main())
