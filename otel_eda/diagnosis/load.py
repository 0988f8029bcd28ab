"""SQL that makes the tables from the items of OTLP, which `load_lines` or `load_columns` read.

Each statement is a chain of steps, each of which selects from the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda import semconv

from . import columns, external, otlp_schema
from .columns import EVENT_COLUMNS, METRIC_COLUMNS, OFFSET, PARTITION, SPAN_COLUMNS, Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# No telemetry is older than OpenTelemetry's time or from after 2200, in nanoseconds since 1970; no count is larger.
EARLIEST, LATEST = 946_684_800 * 10**9, 7_258_118_400 * 10**9
MOST = 10**15
DAMAGED = -(2**60)  # what stands for a number that cannot be, until it is counted
MILLISECONDS_NS = 10**6
# Clients and mock brokers that have no time of a message say -1, 0, or some moment after it.
NO_TIME_MS = 86_400_000
KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
MACROS = (
    'CREATE MACRO key_list(a) AS list_transform(a, lambda x: x."key")',
    """CREATE MACRO value_list(a) AS list_transform(a, lambda x:
       coalesce(x."value"."stringValue", x."value"."intValue", x."value"."boolValue", x."value"."doubleValue"))""",
    # An id is hex in either case, or base64 as protobuf's own JSON has it. An id of zeros is no id.
    # A number or time that cannot be, because a bit fell over or somebody took one unit for another.
    f"""CREATE MACRO number(text, x) AS CASE
       WHEN x BETWEEN -{MOST} AND {MOST} THEN x WHEN text IS NOT NULL THEN {DAMAGED} END""",
    f"""CREATE MACRO instant(x) AS CASE WHEN x BETWEEN {EARLIEST} AND {LATEST} THEN x END""",
    """CREATE MACRO id(x, digits) AS CASE
       WHEN length(x) = digits THEN nullif(lower(x), repeat('0', digits))
       WHEN length(x) = ceil(digits / 6) * 4 THEN nullif(lower(hex(try(from_base64(x)))), repeat('0', digits)) END""",
)
LINE = "STRUCT(file VARCHAR, json VARCHAR, signal VARCHAR)"
# Columns of the table of operations while it is being made. The first row of each line that was read has the `line`;
# it is `bare` if that line has no span.
TEMPORARY_COLUMNS = {
    "span_events": otlp_schema.as_type(otlp_schema.SPAN["events"]),
    "links": otlp_schema.as_type(otlp_schema.SPAN["links"]),
    "line": LINE,
    "bare": "BOOLEAN",
}
# Two exports of one span have the same key; two rows of one batch have it only if they are about the same message.
ROW_KEY = "trace_id, span_id, origin_trace, origin_span, partition_id, message_offset"
# Few rows are repeated, and a `SELECT DISTINCT ON` would copy all of them.
DELETE_REPEATS = f"""
DELETE FROM operations WHERE rowid IN (
    SELECT rowid FROM operations
    WHERE hash({ROW_KEY}) IN (SELECT hash({ROW_KEY}) AS key FROM operations GROUP BY key HAVING count(*) > 1)
    QUALIFY row_number() OVER (PARTITION BY {ROW_KEY} ORDER BY rowid) > 1)
"""


def operations(items: Mapping[str, str]) -> str:
    """Return the statement that makes rows of `operations` from the steps that read spans.

    A span of several messages is one row here, and keeps its `links` for `batch_messages`.
    """
    steps = {
        **items,
        "span": SPAN,
        "attributed": _span_attributes(),
        "typed": TYPED,
        "single": SINGLE_LINK,
        "identified": IDENTIFIED,
        "located": LOCATED,
    }
    return _statement(steps, f"SELECT {_names('operations')}, {', '.join(TEMPORARY_COLUMNS)} FROM located")


def batch_messages() -> str:
    """Return the statement that makes a row for each message of the spans with several."""
    # A span of several messages has the offset of the first, if any.
    each = """SELECT * EXCLUDE (links, message_offset), NULL::BIGINT AS message_offset, unnest(links) AS link,
              NULL AS links FROM operations WHERE len(links) > 0"""
    steps = {
        "each": each,
        "identified": f"SELECT *, true AS has_link, {_link('link')} FROM each",
        "located": LOCATED,
    }
    return _statement(steps, f"SELECT {_names('operations')}, {', '.join(TEMPORARY_COLUMNS)} FROM located")


def metrics(items: Mapping[str, str]) -> str:
    """Return the statement that makes rows of `metrics` from the steps that read metrics."""
    steps = {
        **items,
        "metric": METRIC,
        "point": POINT,
        "keyed": POINT_VALUE,
        "attributed": _attributes_of("keyed", METRIC_COLUMNS),
    }
    where = "name IS NOT NULL AND time IS NOT NULL"
    return _statement(steps, f"SELECT DISTINCT {_names('metrics')} FROM attributed WHERE {where}")


def log_events(items: Mapping[str, str]) -> str:
    """Return the statement that makes rows of `events` from the steps that read log records."""
    steps = {
        **items,
        "keyed": LOG_RECORD,
        "attributed": _attributes_of("keyed", EVENT_COLUMNS),
    }
    return _statement(steps, f"SELECT DISTINCT {_names('events')} FROM attributed")


def span_events() -> str:
    """Return the statement that makes rows of `events` from the events of spans."""
    steps = {"event": SPAN_EVENT, "keyed": EVENT_VALUE, "attributed": _attributes_of("keyed", EVENT_COLUMNS)}
    return _statement(steps, f"SELECT DISTINCT {_names('events')} FROM attributed")


def _statement(steps: Mapping[str, str], last: str) -> str:
    return f"WITH {', '.join(f'{name} AS ({step})' for name, step in steps.items())} {last}"


def _names(table: str) -> str:
    return ", ".join(column.name for column in columns.TABLES[table])


def _value(prefix: str, column: Column) -> str:
    """Return the SQL that reads a column from the lists `{prefix}_keys` and `{prefix}_values`."""
    values = [f"{prefix}_values[list_position({prefix}_keys, '{name}')]" for name in column.attributes]
    text = f"coalesce({', '.join(values)})" if len(values) > 1 else values[0]
    read = text if column.type == "VARCHAR" else f"try_cast({text} AS {column.type})"
    return f"number({text}, {read})" if column.type in {"BIGINT", "DOUBLE"} else read


def values(prefix: str, wanted: Iterable[Column]) -> str:
    """Return the SQL that reads columns from the lists `{prefix}_keys` and `{prefix}_values`, by their names."""
    return ", ".join(f"{_value(prefix, column)} AS {column.name}" for column in wanted)


def _link(link: str) -> str:
    """Return the SQL of what a link says."""
    return f"""id({link}."traceId", 32) AS link_trace, id({link}."spanId", 16) AS link_span,
       key_list({link}.attributes) AS l_keys, value_list({link}.attributes) AS l_values"""


# Who made an item, by its resource.
OWNER = """
SELECT * EXCLUDE (service, instance, process, host, environment, cluster, region),
       coalesce(service, '') AS service,
       CASE WHEN lower(host) NOT IN ('localhost', 'localhost.localdomain', '127.0.0.1', '') THEN host
            END AS host,
       coalesce(instance, host || '/' || process, service, '') AS instance,
       nullif(concat_ws('/', environment, cluster, region), '') AS realm
FROM named"""
SPAN = f"""
SELECT service, instance, host, realm, namespace, loopback, scope, id(p."traceId", 32) AS trace_id,
       id(p."spanId", 16) AS span_id, id(p."parentSpanId", 16) AS parent_id, p.name AS name, p.kind AS kind,
       instant(p."startTimeUnixNano") AS started, instant(p."endTimeUnixNano") AS ended,
       p.status.code AS code, p.status.message AS status, p.links AS links, {_link("p.links[1]")},
       list_filter(p.events, lambda e: e.name = 'exception')[-1] AS exception,
       list_filter(p.events, lambda e: e.name LIKE 'eda.%') AS span_events,
       key_list(p.attributes) AS p_keys, value_list(p.attributes) AS p_values, line, p IS NULL AS bare
FROM item WHERE p IS NOT NULL OR line IS NOT NULL"""


def _span_attributes() -> str:
    kinds = " ".join(
        f"WHEN kind IN ('{number}', 'SPAN_KIND_{name}') THEN '{name}'" for number, name in enumerate(KINDS)
    )
    return f"""
SELECT * REPLACE (CASE {kinds} ELSE 'UNSPECIFIED' END AS kind), {values("p", SPAN_COLUMNS)},
       key_list(exception.attributes) AS e_keys, value_list(exception.attributes) AS e_values
FROM span"""


# RabbitMQ's instrumentations by others (pika, aio-pika, MassTransit) say `receive` of the span around a callback.
TYPED = f"""
SELECT * REPLACE (
    CASE WHEN system IN ('apply_async', 'run') THEN '{external.CELERY}' ELSE system END AS system,
    CASE WHEN type = 'receive' AND kind = 'CONSUMER' AND system = 'rabbitmq' AND coalesce(batch, len(links), 0) = 0
         THEN 'process' WHEN type IN ('send', 'receive', 'process', 'settle', 'create') THEN type
         WHEN type IN ('publish', 'apply_async') THEN 'send' WHEN type IN ('deliver', 'run') THEN 'process'
         WHEN system IS NOT NULL AND kind IN ('PRODUCER', 'CONSUMER') THEN if(kind = 'PRODUCER', 'send', 'process')
         WHEN event_type IS NOT NULL AND function IS NOT NULL THEN 'handle' END AS type,
    coalesce(error, e_values[list_position(e_keys, '{semconv.EXCEPTION_TYPE}')],
             CASE WHEN code IN ('2', 'STATUS_CODE_ERROR') THEN '{semconv.OTHER}' END) AS error,
    coalesce(nullif(status, ''), nullif(e_values[list_position(e_keys, '{semconv.EXCEPTION_MESSAGE}')], '')) AS status)
FROM attributed"""
# Addresses that mean another broker elsewhere: in another container or machine, or in another Kubernetes namespace.
LOOPBACK, UNQUALIFIED = "^(localhost|127[.]|::1|.::1)", "^[A-Za-z0-9_-]+(:[0-9]+)?$"
# The links of a messaging span are its messages; a span that sends a new message may have links of any meaning. Nearly
# every span has one link at most, and copying a row costs: so `batch_messages` makes rows of the others afterwards.
SINGLE_LINK = """
SELECT * EXCLUDE (links, linking, link_trace, link_span)
         REPLACE (coalesce(repeats, CASE WHEN len(links) = 1 AND (type IS NULL OR (type = 'send' AND NOT linking))
                                         THEN link_span END) AS repeats),
       linking AND len(links) = 1 AS has_link,
       CASE WHEN has_link THEN link_trace END AS link_trace, CASE WHEN has_link THEN link_span END AS link_span,
       CASE WHEN linking AND len(links) > 1 THEN links END AS links
FROM (SELECT *, type IN ('receive', 'process', 'settle') OR (type = 'send' AND kind = 'CLIENT') AS linking FROM typed)
"""


def _offset(sql: str) -> str:
    """Return SQL that reads an offset; clients say -1, or -1001, for an offset that they do not know."""
    return f"CASE WHEN ({sql}) NOT BETWEEN -9999 AND -1 THEN ({sql}) END"


IDENTIFIED = f"""
SELECT * REPLACE (
           greatest(started, ended) AS ended, {_offset("message_offset")} AS message_offset,
           nullif(real_name, destination) AS real_name, nullif(key_hash, '') AS key_hash,
           -- Datadog's numbers are floating, and clients say -1 for a partition that is not chosen yet.
           nullif(CASE WHEN suffix(partition_id, '.0') THEN left(partition_id, -2) ELSE partition_id END, '-1')
               AS partition_id,
           CASE WHEN message_time BETWEEN {EARLIEST // MILLISECONDS_NS} AND {LATEST // MILLISECONDS_NS}
                THEN message_time * {MILLISECONDS_NS}
                WHEN message_time NOT BETWEEN -1 AND {NO_TIME_MS} THEN {DAMAGED} END AS message_time),
       false AS linked,
       CASE WHEN type IN ('send', 'create') OR (type = 'process' AND parent_id IS NOT NULL) THEN trace_id
            END AS origin_trace,
       CASE WHEN type IN ('send', 'create') THEN span_id WHEN type = 'process' THEN parent_id END AS origin_span,
       address || coalesce(':' || port, '') || coalesce(CASE
           WHEN regexp_matches(lower(address), '{LOOPBACK}') THEN '@' || coalesce(loopback, instance)
           WHEN regexp_matches(address, '{UNQUALIFIED}') THEN '@' || namespace END, '') AS server,
       status AS error_text,
       CASE WHEN error = '{semconv.UNRESOLVED}' THEN 'unresolved'
            WHEN (regexp_extract(error, '[A-Za-z]+$') IN {external.ENDED_FROM_OUTSIDE}
                  AND NOT coalesce(regexp_matches(status, '{external.TIME_LIMIT}'), false))
              OR (error IS NOT NULL AND regexp_matches(status, '{external.ENDED_TEXT}'))
                THEN CASE WHEN type = 'send' THEN 'unresolved' ELSE 'abandoned' END
            WHEN error IS NOT NULL THEN 'error'
            WHEN abandoned THEN 'abandoned' ELSE 'ok' END AS outcome
FROM single"""


# A row's link tells the message and its place, if the row has a link; few links tell more than the message.
LOCATED = f"""
SELECT * REPLACE (
    coalesce(CASE WHEN has_link AND len(l_keys) > 0 THEN {_value("l", PARTITION)} END, partition_id) AS partition_id,
    coalesce(CASE WHEN has_link AND len(l_keys) > 0 THEN {_offset(_value("l", OFFSET))} END, message_offset)
        AS message_offset,
    link_span IS NOT NULL AS linked,
    CASE WHEN link_span IS NULL THEN origin_trace ELSE link_trace END AS origin_trace,
    coalesce(link_span, origin_span) AS origin_span)
FROM identified"""


_RENAMED = "MAP {" + ", ".join(f"'{old}': '{name}'" for old, name in external.OLDER_METRICS.items()) + "}"
METRIC = f"""
SELECT * EXCLUDE (p), coalesce({_RENAMED}[p.name], p.name) AS name,
       coalesce(p.sum, p.gauge, p.histogram, p."exponentialHistogram", p.summary) AS points,
       coalesce(p.sum."isMonotonic", p.sum IS NULL AND p.gauge IS NULL) AS rising
FROM item"""
POINT = """
SELECT * EXCLUDE (points), points."aggregationTemporality" IN ('1', 'AGGREGATION_TEMPORALITY_DELTA') AS delta,
       unnest(points."dataPoints") AS p
FROM metric"""
POINT_VALUE = f"""
SELECT *, instant(p."startTimeUnixNano") AS started, instant(p."timeUnixNano") AS time,
       CASE WHEN coalesce(p."asInt", p."asDouble", p.sum) BETWEEN -{MOST} AND {MOST}
            THEN coalesce(p."asInt", p."asDouble", p.sum) END AS value,
       CASE WHEN p.count BETWEEN 0 AND {MOST} THEN p.count END AS number,
       key_list(p.attributes) AS p_keys, value_list(p.attributes) AS p_values
FROM point"""
LOG_RECORD = """
SELECT * EXCLUDE (p), coalesce(p."eventName", 'exception') AS name,
       coalesce(instant(p."timeUnixNano"), instant(p."observedTimeUnixNano")) AS time,
       id(p."traceId", 32) AS trace_id, id(p."spanId", 16) AS span_id,
       key_list(p.attributes) AS p_keys, value_list(p.attributes) AS p_values
FROM item
WHERE p."eventName" IS NOT NULL OR try_cast(p."severityNumber" AS INTEGER) >= 17
      OR regexp_matches(p."severityNumber", 'ERROR|FATAL')"""
SPAN_EVENT = """
SELECT service, instance, host, realm, trace_id, span_id, unnest(span_events) AS e
FROM operations WHERE len(span_events) > 0
"""
# An error that was logged is one, whether its record or the event on the span shows it.
EVENT_VALUE = f"""
SELECT *, CASE WHEN e.name = '{semconv.ERROR_LOGGED}' THEN 'exception' ELSE e.name END AS name,
       instant(e."timeUnixNano") AS time,
       key_list(e.attributes) AS p_keys, value_list(e.attributes) AS p_values
FROM event"""


def _attributes_of(step: str, wanted: Iterable[Column]) -> str:
    return f"SELECT *, {values('p', wanted)} FROM {step}"


# Where nothing tells which exception left a loop's body, it is that of the last handler in it that failed.
HANDLER_FAILURES = """
SELECT parent_id, trace_id, arg_max(error, ended) AS error, arg_max(error_text, ended) AS error_text
FROM operations WHERE type = 'handle' AND outcome = 'error' GROUP BY parent_id, trace_id
"""
HANDLER_ERRORS = f"""
UPDATE operations AS o SET error = h.error, error_text = h.error_text
FROM ({HANDLER_FAILURES}) AS h
WHERE o.type = 'process' AND o.error = '{semconv.OTHER}' AND h.parent_id = o.span_id AND h.trace_id = o.trace_id
"""
