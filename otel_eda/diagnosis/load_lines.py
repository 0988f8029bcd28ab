"""SQL that takes telemetry from files of OTLP JSON lines to the steps of `load`.

DuckDB reads, splits and types the lines in parallel, each line once: 180 MB/s per core (2026-11, one million spans of
700 bytes). With `sample_size` as it is by default, it would look into 20,480 lines for types that it is told, which
takes four times as long. Parsers of ClickHouse and Python are no faster; that of Arrow takes no number for a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import otlp_schema
from .columns import RESOURCE
from .load import OWNER, values

if TYPE_CHECKING:
    from collections.abc import Mapping

SPANS, METRICS, LOGS = "resourceSpans", "resourceMetrics", "resourceLogs"
OTHER = "other"  # the signal of lines that are JSON without any of these
LINES = "lines_read"  # the table of all lines, with the file of each, and the resources of those that are no traces
CREATE_LINES = f"CREATE TABLE {LINES} (file VARCHAR, json VARCHAR, signal VARCHAR)"
# Files are added one after another if one of them cannot be read; the lines of those before are kept already.
KEEP_LINES = (
    f"""INSERT INTO {LINES} SELECT line.file, line.json, line.signal FROM operations
        WHERE line.signal IS NOT NULL AND line.file NOT IN (SELECT file FROM {LINES})""",
    "DELETE FROM operations WHERE bare",
)
COUNTS = f"SELECT signal, count(*) FROM {LINES} WHERE file = ? GROUP BY signal"
# How many lines of each kind are in a file of which not all lines are OTLP.
SURVEY = """
SELECT CASE WHEN json IS NULL THEN 'damaged' WHEN json_exists(json, '$.resourceSpans') THEN 'traces'
            WHEN json_exists(json, '$.resourceMetrics') THEN 'metrics'
            WHEN json_exists(json, '$.resourceLogs') THEN 'logs'
            WHEN json IN ('{}', 'null') THEN 'empty' ELSE 'foreign' END AS signal, count(*)
FROM read_ndjson_objects(?, ignore_errors = true) GROUP BY signal
"""


def spans() -> dict[str, str]:
    """Return the steps that read files, which are the parameter, to rows of a resource, a scope's name and a span `p`.

    The first row of each line has the `line`, whether there is a span in it or not.
    """
    resources = otlp_schema.resources("scopeSpans", "spans", otlp_schema.SPAN)
    line = otlp_schema.as_type({SPANS: resources, METRICS: "JSON", LOGS: "JSON"})
    request = f"""
        SELECT unnest(json."{SPANS}") AS r, unnest([{{
            'file': filename,
            'json': CASE WHEN json."{SPANS}" IS NULL THEN coalesce(json."{METRICS}", json."{LOGS}")::VARCHAR END,
            'signal': CASE WHEN json IS NULL THEN 'damaged' WHEN json."{SPANS}" IS NOT NULL THEN 'traces'
                           WHEN json."{METRICS}" IS NOT NULL THEN 'metrics' WHEN json."{LOGS}" IS NOT NULL THEN 'logs'
                           ELSE '{OTHER}' END}}]) AS line
        FROM read_ndjson(?, records = false, columns = {{'json': '{line}'}}, ignore_errors = true, filename = true,
                         auto_detect = false, sample_size = 1)"""
    steps = {"request": request, **_items("scopeSpans", "spans", ", unnest([line]) AS line")}
    return {**steps, "item": f"SELECT * FROM ({steps['item']}) WHERE p IS NOT NULL OR line IS NOT NULL"}


def metrics() -> dict[str, str]:
    """Return the steps that read the lines of metrics to rows of a resource, a scope's name and a metric `p`."""
    return _of_lines("metrics", "scopeMetrics", "metrics", otlp_schema.METRIC)


def records() -> dict[str, str]:
    """Return the steps that read the lines of logs to rows of a resource, a scope's name and a record `p`."""
    return _of_lines("logs", "scopeLogs", "logRecords", otlp_schema.RECORD)


def _of_lines(signal: str, scopes: str, items: str, item: Mapping[str, object]) -> dict[str, str]:
    schema = otlp_schema.as_json(otlp_schema.resources(scopes, items, item))
    request = f"SELECT unnest(from_json(json, '{schema}')) AS r FROM {LINES} WHERE signal = '{signal}'"
    return {"request": request, **_items(scopes, items)}


def _items(scopes: str, items: str, line: str = "") -> dict[str, str]:
    """Return the steps from resources to items; what is said of a resource is read once, not for each item."""
    kept = ", line" if line else ""
    return {
        "resource": f"""
            SELECT key_list(r.resource.attributes) AS r_keys, value_list(r.resource.attributes) AS r_values,
                   r."{scopes}" AS scopes{kept} FROM request""",
        "named": f"SELECT {values('r', RESOURCE)}, scopes{kept} FROM resource",
        "owner": OWNER,
        "scope": f"SELECT * EXCLUDE (scopes{kept}), unnest(scopes) AS s{line} FROM owner",
        "item": f'SELECT * EXCLUDE (s{kept}), s.scope.name AS scope, unnest(s."{items}") AS p{line} FROM scope',
    }
