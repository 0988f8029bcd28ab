"""Rows of our tables from those of the Collector's exporter, in ClickHouse's SQL: what `load` does, for DuckDB.

Each query goes row by row, without a join. So it may fill our tables a window at a time, or be a materialized view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda import semconv
from otel_eda.diagnosis import columns, external
from otel_eda.diagnosis.columns import EVENT_COLUMNS, METRIC_COLUMNS, OFFSET, PARTITION, RESOURCE, SPAN_COLUMNS
from otel_eda.diagnosis.load import (
    DAMAGED,
    EARLIEST,
    KINDS,
    LATEST,
    LOOPBACK,
    MILLISECONDS_NS,
    MOST,
    NO_TIME_MS,
    UNQUALIFIED,
)
from otel_eda.diagnosis.sources import clickhouse_tables as exported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_eda.diagnosis.columns import Column

NUMBERS = [column.name for column in columns.OPERATIONS if column.type in {"BIGINT", "DOUBLE"}]
LOCAL = ("localhost", "localhost.localdomain", "127.0.0.1", "")


def operations(where: str, database: str) -> str:
    """Return the query that makes rows of `operations`, a row for each message of a span.

    `impossible` says of a row that it had a number or a time that cannot be.
    """
    steps = exported.spans(where, database)
    for step in (_texts("attributes", SPAN_COLUMNS, SPAN), _values(SPAN_COLUMNS, IDS), TYPED, LINKED, PLACED, LOCATED):
        steps = f"{step} FROM ({steps})"
    cleared = ", ".join(f"nullIf({name}, {DAMAGED}) AS {name}" for name in NUMBERS)
    damaged = " OR ".join(f"ifNull({name} = {DAMAGED}, false)" for name in NUMBERS)
    names = ", ".join(column.name for column in columns.OPERATIONS)
    return f"""
SELECT * REPLACE ({cleared}) FROM (SELECT {names}, CAST({damaged} AS Bool) AS impossible FROM ({steps})
WHERE trace_id IS NOT NULL AND span_id IS NOT NULL AND started IS NOT NULL)"""


def metrics(points: str) -> str:
    """Return the query that makes rows of `metrics` of what a query of points selects."""
    steps = f"{_texts('attributes', METRIC_COLUMNS, POINT)} FROM ({points})"
    steps = f"{_values(METRIC_COLUMNS, MEASURED)} FROM ({steps})"
    return _numbered("metrics", f"{_final('metrics', METRIC_COLUMNS)} FROM ({steps}) WHERE time IS NOT NULL")


def log_events(where: str, database: str) -> str:
    """Return the query that makes rows of `events` of log records."""
    steps = f"{_texts('attributes', EVENT_COLUMNS, RECORD)} FROM ({exported.records(where, database)})"
    steps = f"{_values(EVENT_COLUMNS, NOTED)} FROM ({steps})"
    return _numbered("events", f"{_final('events', EVENT_COLUMNS)} FROM ({steps})")


def span_events(where: str, database: str) -> str:
    """Return the query that makes rows of `events` of the events of spans."""
    each = "SELECT *, arrayJoin(arrayFilter(e -> startsWith(e.name, 'eda.'), events)) AS e"
    steps = f"{each} FROM ({exported.spans(where, database)})"
    steps = f"{_texts('e.attributes', EVENT_COLUMNS, SAID)} FROM ({steps})"
    steps = f"{_values(EVENT_COLUMNS, NOTED)} FROM ({steps}) WHERE {_instant('spanTime')} IS NOT NULL"
    ids = "trace_id IS NOT NULL AND span_id IS NOT NULL"
    return _numbered("events", f"{_final('events', EVENT_COLUMNS)} FROM ({steps}) WHERE {ids}")


def _final(table: str, wanted: Iterable[Column]) -> str:
    read = {column.name: column.type for column in wanted}
    return "SELECT " + ", ".join(
        f"{_known(column.name, read[column.name])} AS {column.name}" if column.name in read else column.name
        for column in columns.TABLES[table]
    )


def _known(name: str, kind: str) -> str:
    return f"v_{name}" if kind in {"VARCHAR", "BOOLEAN"} else f"nullIf(v_{name}, {DAMAGED})"


def _numbered(table: str, query: str) -> str:
    """Return a query that adds to each row its number, by which it is known when it comes again."""
    names = ", ".join(column.name for column in columns.TABLES[table])
    return f"SELECT {names}, sipHash64(toString(tuple({names}))) AS row_number FROM ({query})"


def _texts(attributes: str, wanted: Iterable[Column], more: str) -> str:
    """Return the step that takes the attributes out of their maps."""
    texts = [f"{_text('resource', column)} AS r_{column.name}" for column in RESOURCE]
    texts += [f"{_text(attributes, column)} AS t_{column.name}" for column in wanted]
    return f"SELECT {', '.join(texts)}, {more}"


def _text(attributes: str, column: Column) -> str:
    """Return the text of a column's first attribute that is there: what a map lacks would be an empty text."""
    found = ", ".join(f"mapContains({attributes}, '{name}'), {attributes}['{name}']" for name in column.attributes)
    return f"multiIf({found}, NULL)"


def _values(wanted: Iterable[Column], more: str) -> str:
    """Return the step that types the texts of attributes, and says where all of it comes from."""
    values = ", ".join(f"{_value(column, f't_{column.name}')} AS v_{column.name}" for column in wanted)
    return f"SELECT {PLACE}, {values}, {more}"


def _value(column: Column, text: str) -> str:
    """Return what a text is worth, as `load` reads it: what is no number, or none that can be, is `DAMAGED`."""
    if column.type == "VARCHAR":
        return text
    if column.type == "BOOLEAN":
        yes, no = (
            f"lower({text}) IN ({words})" for words in ("'true', 't', '1', 'yes', 'y'", "'false', 'f', '0', 'no', 'n'")
        )
        return f"CAST(multiIf({yes}, true, {no}, false, NULL) AS Nullable(Bool))"
    number, damaged = f"toFloat64OrNull(trimBoth({text}))", f"toFloat64({DAMAGED})"
    if column.type == "BIGINT":
        rounded = f"accurateCastOrNull(sign({number}) * floor(abs({number}) + 0.5), 'Int64')"
        number, damaged = f"coalesce(toInt64OrNull(trimBoth({text})), {rounded})", str(DAMAGED)
    return f"multiIf({number} BETWEEN -{MOST} AND {MOST}, {number}, {text} IS NOT NULL, {damaged}, NULL)"


def _id(text: str, digits: int) -> str:
    return f"multiIf(length({text}) = {digits}, nullIf(lower({text}), repeat('0', {digits})), NULL)"


def _instant(time: str) -> str:
    return f"if({time} BETWEEN {EARLIEST} AND {LATEST}, {time}, NULL)"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _offset(number: str) -> str:
    return f"if({number} BETWEEN -9999 AND -1, NULL, {number})"


PLACE = f"""ifNull(r_service, '') AS service,
    if(lower(r_host) IN ({_listed(LOCAL)}), NULL, r_host) AS host,
    coalesce(r_instance, r_host || '/' || r_process, r_service, '') AS instance,
    nullIf(arrayStringConcat(arrayFilter(x -> x IS NOT NULL, [r_environment, r_cluster, r_region]), '/'), '')
        AS realm"""
SPAN = """scope, traceId, spanId, parentSpanId, name, kind AS said_kind, startTimeUnixNano, endTimeUnixNano, code,
    message, links, events[arrayLastIndex(e -> e.name = 'exception', events)].attributes AS exception"""
IDS = f"""r_namespace AS namespace, r_loopback AS loopback, scope, name, code, message, links, exception,
    {_id("traceId", 32)} AS trace_id, {_id("spanId", 16)} AS span_id, {_id("parentSpanId", 16)} AS parent_id,
    if(said_kind IN ({_listed(f"SPAN_KIND_{kind}" for kind in KINDS)}), substring(said_kind, 11), 'UNSPECIFIED')
        AS kind,
    {_instant("startTimeUnixNano")} AS started, {_instant("endTimeUnixNano")} AS said_end"""
_ERROR, _TEXT = semconv.EXCEPTION_TYPE, semconv.EXCEPTION_MESSAGE
TYPED = f"""
SELECT *, if(v_system IN ('apply_async', 'run'), '{external.CELERY}', v_system) AS system,
       multiIf(v_type = 'receive' AND kind = 'CONSUMER' AND v_system = 'rabbitmq' AND v_batch IS NULL AND empty(links),
               'process', v_type IN ('send', 'receive', 'process', 'settle', 'create'), v_type,
               v_type IN ('publish', 'apply_async'), 'send', v_type IN ('deliver', 'run'), 'process',
               v_system IS NOT NULL AND kind = 'PRODUCER', 'send',
               v_system IS NOT NULL AND kind = 'CONSUMER', 'process',
               v_event_type IS NOT NULL AND v_function IS NOT NULL, 'handle', NULL) AS type,
       coalesce(v_error, if(mapContains(exception, '{_ERROR}'), exception['{_ERROR}'], NULL),
                if(code = 'STATUS_CODE_ERROR', '{semconv.OTHER}', NULL)) AS error,
       coalesce(nullIf(message, ''), nullIf(exception['{_TEXT}'], '')) AS error_text"""
# The links of a messaging span are its messages; a span that sends a new message may have links of any meaning. A span
# of several messages has the offset of the first, if any.
LINKED = """
SELECT *, ifNull(type IN ('receive', 'process', 'settle') OR (type = 'send' AND kind = 'CLIENT'), false) AS linking,
       linking AND length(links) > 1 AS several,
       links[arrayJoin(if(linking AND notEmpty(links), arrayEnumerate(links), [0]))] AS link"""
PLACED = f"""
SELECT *, {_id("link.traceId", 32)} AS link_trace, {_id("link.spanId", 16)} AS link_span,
       {_text("link.attributes", PARTITION)} AS link_partition,
       {_value(OFFSET, _text("link.attributes", OFFSET))} AS link_offset,
       multiIf(endsWith(v_partition_id, '.0'), substring(v_partition_id, 1, length(v_partition_id) - 2), v_partition_id)
           AS whole_partition"""
FIRST_MS, LAST_MS = EARLIEST // MILLISECONDS_NS, LATEST // MILLISECONDS_NS
# What is computed; all other columns are what their attributes say.
COMPUTED = {
    **{
        name: name
        for name in (
            "trace_id",
            "span_id",
            "parent_id",
            "service",
            "instance",
            "host",
            "scope",
            "name",
            "kind",
            "started",
            "system",
            "type",
            "error",
            "error_text",
            "realm",
        )
    },
    "ended": "greatest(started, said_end)",
    "partition_id": "coalesce(link_partition, nullIf(whole_partition, '-1'))",
    "message_offset": f"coalesce({_offset('link_offset')}, if(several, NULL, {_offset('v_message_offset')}))",
    "origin_trace": """if(link_span IS NOT NULL, link_trace,
        if(type IN ('send', 'create') OR (type = 'process' AND parent_id IS NOT NULL), trace_id, NULL))""",
    "origin_span": """coalesce(link_span,
        multiIf(type IN ('send', 'create'), span_id, type = 'process', parent_id, NULL))""",
    "linked": "CAST(link_span IS NOT NULL AS Bool)",
    "key_hash": "nullIf(v_key_hash, '')",
    "repeats": f"""coalesce(v_repeats,
        if(((type = 'send' AND NOT linking) OR type IS NULL) AND length(links) = 1,
           {_id("links[1].spanId", 16)}, NULL))""",
    "real_name": "nullIf(v_real_name, v_destination)",
    "server": f"""v_address || coalesce(':' || toString(v_port), '') || coalesce(multiIf(
        match(lower(v_address), '{LOOPBACK}'), '@' || coalesce(loopback, instance),
        match(v_address, '{UNQUALIFIED}'), '@' || namespace, NULL), '')""",
    "outcome": f"""multiIf(error = '{semconv.UNRESOLVED}', 'unresolved',
        (extract(error, '[A-Za-z]+$') IN ({_listed(external.ENDED_FROM_OUTSIDE)})
            AND NOT coalesce(match(error_text, '{external.TIME_LIMIT}'), false))
            OR (error IS NOT NULL AND coalesce(match(error_text, '{external.ENDED_TEXT}'), false)),
        if(type = 'send', 'unresolved', 'abandoned'),
        error IS NOT NULL, 'error', v_abandoned, 'abandoned', 'ok')""",
    "message_time": f"""multiIf(v_message_time BETWEEN {FIRST_MS} AND {LAST_MS}, v_message_time * {MILLISECONDS_NS},
        v_message_time NOT BETWEEN -1 AND {NO_TIME_MS}, {DAMAGED}, NULL)""",
}
LOCATED = "SELECT " + ", ".join(
    f"{COMPUTED.get(column.name, f'v_{column.name}')} AS {column.name}" for column in columns.OPERATIONS
)
POINT = """scope, name AS said_name, startTimeUnixNano, timeUnixNano, value AS said_value, number AS said_number,
    temporality, rising"""
_OLD, _NEW = (_listed(names) for names in zip(*external.OLDER_METRICS.items(), strict=True))
MEASURED = f"""scope, transform(said_name, [{_OLD}], [{_NEW}], said_name) AS name,
    {_instant("startTimeUnixNano")} AS started, {_instant("timeUnixNano")} AS time,
    CAST(temporality = '1' AS Nullable(Bool)) AS delta, rising,
    if(said_value BETWEEN -{MOST} AND {MOST}, said_value, NULL) AS value,
    if(said_number BETWEEN 0 AND {MOST}, said_number, NULL) AS number"""
RECORD = "traceId, spanId, coalesce(nullIf(eventName, ''), 'exception') AS name, timeUnixNano"
SAID = "traceId, spanId, e.name AS name, e.timeUnixNano AS timeUnixNano, startTimeUnixNano AS spanTime"
NOTED = f"name, {_instant('timeUnixNano')} AS time, {_id('traceId', 32)} AS trace_id, {_id('spanId', 16)} AS span_id"
