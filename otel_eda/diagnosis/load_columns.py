"""SQL that takes telemetry from Parquet files of columns, where a database gave it, to the steps of `load`.

A file has a row for each span, point or record. Its columns have OTLP's names, attributes are maps of text.
"""

from __future__ import annotations

from .columns import RESOURCE
from .load import LINE, OWNER, values

# What OTLP's JSON has for a map of text.
MACROS = (
    """CREATE MACRO pairs(m) AS list_transform(map_entries(m), lambda e: {
       'key': e.key, 'value': {'stringValue': e.value, 'intValue': NULL::VARCHAR, 'boolValue': NULL::VARCHAR,
                               'doubleValue': NULL::VARCHAR}})""",
)
SPAN = """{
    'traceId': traceId, 'spanId': spanId, 'parentSpanId': parentSpanId, 'name': name, 'kind': kind,
    'startTimeUnixNano': startTimeUnixNano, 'endTimeUnixNano': endTimeUnixNano, 'attributes': pairs(attributes),
    'links': list_transform(links, lambda l: {
        'traceId': l.traceId, 'spanId': l.spanId, 'attributes': pairs(l.attributes)}),
    'events': list_transform(events, lambda e: {
        'name': e.name, 'timeUnixNano': e.timeUnixNano, 'attributes': pairs(e.attributes)}),
    'status': {'code': code, 'message': message}}"""
_POINTS = """{
    'dataPoints': [{
        'attributes': pairs(attributes), 'startTimeUnixNano': startTimeUnixNano, 'timeUnixNano': timeUnixNano,
        'asInt': NULL::DOUBLE, 'asDouble': CASE WHEN number IS NULL THEN value END,
        'sum': CASE WHEN number IS NOT NULL THEN value END, 'count': number}],
    'aggregationTemporality': temporality, 'isMonotonic': rising}"""
METRIC = f"""{{
    'name': name, 'sum': CASE WHEN kind = 'sum' THEN {_POINTS} END,
    'gauge': CASE WHEN kind = 'gauge' THEN {_POINTS} END,
    'histogram': CASE WHEN kind = 'histogram' THEN {_POINTS} END, 'exponentialHistogram': NULL, 'summary': NULL}}"""
RECORD = """{
    'timeUnixNano': timeUnixNano, 'observedTimeUnixNano': timeUnixNano, 'traceId': traceId, 'spanId': spanId,
    'severityNumber': severityNumber, 'eventName': nullif(eventName, ''), 'attributes': pairs(attributes)}"""

# Whether the times in a file of metrics are less exact than those of spans.
COARSE = "SELECT bool_or(coarse) FROM read_parquet(?)"


def items(item: str) -> dict[str, str]:
    """Return the steps that read rows of a resource, a scope's name and an item `p`; the files are the parameter."""
    return {
        "row": "SELECT *, map_keys(resource) AS r_keys, map_values(resource) AS r_values FROM read_parquet(?)",
        "named": f"SELECT {values('r', RESOURCE)}, scope, {item} AS p, NULL::{LINE} AS line FROM row",
        "item": OWNER,
    }
