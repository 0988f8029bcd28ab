"""A window of telemetry that stays in ClickHouse: it is put into our tables, and a run's tables are made of these."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_eda import semconv
from otel_eda.diagnosis import LimitError, UnusableError, columns, continued, load, watermarks
from otel_eda.diagnosis.intake import Intake
from otel_eda.diagnosis.reported import OCCURRENCES
from otel_eda.diagnosis.settings import SECOND
from otel_eda.diagnosis.sources.clickhouse import EARLIER, exported_columns, nanoseconds
from otel_eda.diagnosis.sources.clickhouse_address import address
from otel_eda.diagnosis.sources.clickhouse_connection import bounds, connected
from otel_eda.diagnosis.sources.clickhouse_tables import LOGS, METRICS, TimeRange, coarse, literal, points

from .clickhouse import ClickHouseTables
from .clickhouse_rows import log_events, metrics, operations, span_events
from .clickhouse_runs import WindowRun
from .clickhouse_schema import KEPT, VIEW

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from clickhouse_connect.driver.client import Client

    from otel_eda.diagnosis.sources.clickhouse_address import Address

MARGIN = round(EARLIER.total_seconds()) * SECOND
NAMES = {table: ", ".join(column.name for column in every) for table, every in columns.TABLES.items()}
FIELDS = {table: [(column.name, column.type) for column in every] for table, every in columns.TABLES.items()}
OURS = "SELECT table, name FROM system.columns WHERE database = {}"
BLAMED = f"""
CREATE TABLE operations AS
SELECT o.* REPLACE (CASE WHEN h.known THEN h.error ELSE o.error END AS error,
                    CASE WHEN h.known THEN h.error_text ELSE o.error_text END AS error_text)
FROM spans o LEFT JOIN (SELECT *, true AS known FROM ({load.HANDLER_FAILURES.replace("operations", "spans")})) h
ON h.parent_id = o.span_id AND h.trace_id = o.trace_id AND o.type = 'process' AND o.error = '{semconv.OTHER}'
"""
NARROWED = (
    "CREATE TABLE narrowed AS SELECT * FROM operations WHERE ended >= ? AND started <= ?",
    "DROP TABLE operations",
    "ALTER TABLE narrowed RENAME TO operations",
)


@dataclass
class InClickHouse:
    """A window in ClickHouse, and the run that diagnoses it."""

    tables: ClickHouseTables
    run: WindowRun

    def begin(self, what: str) -> None:
        """Say what the next statements are for, so that their names tell it."""
        self.tables.purpose = what


@contextmanager
def opened(url: str, since: datetime, until: datetime, *, tells: bool) -> Iterator[InClickHouse]:
    """Yield a window's tables, which are dropped when it is done; raises `UnusableError`.

    With `tells` there are also the tables `told` and `heard` that tell news; then it raises `BusyError`, too.
    """
    place = address(url)
    try:
        with connected(place) as client:
            types = exported_columns(client, place)
            has_views = _check(client, place)
            client.database = place.eda
            run = WindowRun(client)
            run.begin(tells=tells)
            try:
                tables = ClickHouseTables(client, Intake(has_logs=(LOGS, "EventName") in types), run.prefix, run.renew)
                window = _Window(tables, place, types, TimeRange(nanoseconds(since), nanoseconds(until)))
                if not has_views:
                    window.fill()
                window.make(run.told_before() if tells else None)
                if tells:
                    _make_memory(tables)
                yield InClickHouse(tables, run)
            finally:
                run.end()
    except LimitError as error:  # before a check: then there is nothing to go on with
        raise UnusableError(f"{place.name}: {error}: a shorter time with --since") from error


def _check(client: Client, place: Address) -> bool:
    """Return whether views fill our tables; raises `UnusableError` if the tables are not there."""
    there: dict[str, set[str]] = {}
    for table, column in client.query(
        OURS.format(literal(place.eda or "")), settings=bounds(client, "tables")
    ).result_rows:
        there.setdefault(str(table), set()).add(str(column))
    needed = {table: {column.name for column in every} for table, every in columns.TABLES.items()}
    for table, names in {**needed, "told": {"found"}, "runs": {"said"}}.items():
        if missing := names - there.get(table, set()):
            what = f"no column {min(missing)} in {table}" if table in there else f"no table {table}"
            raise UnusableError(
                f"{place.name}: {place.user} sees {what} of {place.eda}: "
                f"`otel-eda schema clickhouse --database {place.eda}` prints what makes it"
            )
    return any(name.endswith(VIEW) for name in there)


class _Window:
    """A window: how it gets into our tables, and what is made of it for one run."""

    def __init__(
        self, tables: ClickHouseTables, place: Address, types: Mapping[tuple[str, str], str], asked: TimeRange
    ) -> None:
        self.tables, self.place, self.types, self.asked = tables, place, types, asked
        tables.intake.coarse = any(coarse(table, types) for table in METRICS if (table, "TimeUnix") in types)

    def fill(self) -> None:
        """Put into our tables what is not there yet, also what has come late: twice as far back as the window goes."""
        self.tables.purpose = "fill"
        since, until = self.asked
        look, database = TimeRange(2 * since - until - MARGIN, until), self.place.database
        times = look.holds("Timestamp")
        known = f"SELECT trace_id, span_id FROM operations WHERE {_between('started', look)}"
        self._add("operations", operations(f"{times} AND (TraceId, SpanId) GLOBAL NOT IN ({known})", database))
        for table in METRICS:
            if (table, "TimeUnix") in self.types:
                self._add("metrics", metrics(points(table, look.holds("TimeUnix"), database)), look)
        self._add("events", span_events(times, database), look)
        if self.tables.intake.has_logs:
            self._add("events", log_events(times, database), look)

    def make(self, told: int | None) -> None:
        """Make the run's tables; if news are told, from rows that came since `told` on, however late."""
        self.tables.purpose = "window"
        since, until = self._since(told), self.asked.until
        wide = TimeRange(since - MARGIN, until)
        self._make_operations(wide, since)
        for table, end in (("metrics", "<"), ("events", "<=")):
            window = f"time >= {since} AND time {end} {until}"
            self.tables.make(table, FIELDS[table], f"SELECT DISTINCT {NAMES[table]} FROM {table} WHERE {window}")
        if not any(self.tables.one(f"SELECT count(*) FROM {table}") for table in columns.TABLES):
            raise UnusableError(f"{self.place.name}: it has no spans of this time; --since and --until say which")
        watermarks.limit(self.tables, since, until)

    def _make_operations(self, wide: TimeRange, since: int) -> None:
        """Make the table of operations: each once, with its handlers' errors, and without what ended before."""
        rows = f"SELECT {NAMES['operations']}, impossible FROM operations WHERE {_between('started', wide)}"
        fields = [*FIELDS["operations"], ("impossible", "BOOLEAN")]
        self.tables.make("spans", fields, f"SELECT * FROM ({rows}) LIMIT 1 BY {load.ROW_KEY}")
        intake, one = self.tables.intake, self.tables.one
        number = one("SELECT count(*) FROM spans")
        intake.repeated = self.tables.count(rows) - number
        intake.impossible = one("SELECT count(*) FROM spans WHERE impossible")
        intake.spans = self.tables.count(f"SELECT DISTINCT cityHash64(trace_id, span_id) FROM ({rows})")
        self.tables.execute(BLAMED)
        self.tables.execute("DROP TABLE spans")
        if one("SELECT bool_or(continued) FROM operations"):
            for statement in continued.STATEMENTS:
                self.tables.execute(statement)
        first, *others = NARROWED
        self.tables.execute(first, since, wide.until)
        for statement in others:
            self.tables.execute(statement)

    def _add(self, table: str, query: str, look: TimeRange | None = None) -> None:
        names = f"{NAMES[table]}, {'impossible' if look is None else 'row_number'}"
        if look is not None:
            known = f"SELECT row_number FROM {table} WHERE {_between('time', look)}"
            query = f"SELECT DISTINCT {names} FROM ({query}) WHERE row_number GLOBAL NOT IN ({known})"
        self.tables.run(f"INSERT INTO {table} ({names}) SELECT {names} FROM ({query})")

    def _since(self, told: int | None) -> int:
        """Return the window's begin: earlier, at most by its length, if older spans came since news were told."""
        since, until = self.asked
        if told is None:
            return since
        late = f"ended < {since} AND started >= {2 * since - until} AND toUnixTimestamp64Milli(came) >= {told // 10**6}"
        return self.tables.number(f"SELECT min(started) FROM operations WHERE {late}") or since


def _between(time: str, window: TimeRange) -> str:
    return f"{time} >= {window.since} AND {time} < {window.until}"


def _make_memory(tables: ClickHouseTables) -> None:
    """Make the tables that tell news, of what was told."""
    kept = f"SELECT code, occurrence, max(verdict) AS most FROM told WHERE found > now() - INTERVAL {KEPT}"
    fields = [("code", "VARCHAR"), ("occurrence", "VARCHAR"), ("verdict", "BIGINT")]
    most = f"SELECT code, occurrence, toInt64(most) AS verdict FROM ({kept} GROUP BY code, occurrence)"
    tables.make("told", fields, most)
    tables.execute(f"CREATE TABLE heard {OCCURRENCES}")
