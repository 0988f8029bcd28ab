"""The parts of OTLP's JSON that diagnosis reads, as DuckDB's `from_json` takes them; it ignores all other parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUE = dict.fromkeys(("stringValue", "intValue", "boolValue", "doubleValue"), "VARCHAR")
ATTRIBUTES = [{"key": "VARCHAR", "value": VALUE}]
SPAN = {
    "traceId": "VARCHAR",
    "spanId": "VARCHAR",
    "parentSpanId": "VARCHAR",
    "name": "VARCHAR",
    "kind": "VARCHAR",
    "startTimeUnixNano": "BIGINT",
    "endTimeUnixNano": "BIGINT",
    "attributes": ATTRIBUTES,
    "links": [{"traceId": "VARCHAR", "spanId": "VARCHAR", "attributes": ATTRIBUTES}],
    "events": [{"name": "VARCHAR", "timeUnixNano": "BIGINT", "attributes": ATTRIBUTES}],
    "status": {"code": "VARCHAR", "message": "VARCHAR"},
}
POINT = {
    "attributes": ATTRIBUTES,
    "startTimeUnixNano": "BIGINT",
    "timeUnixNano": "BIGINT",
    "asInt": "DOUBLE",
    "asDouble": "DOUBLE",
    "sum": "DOUBLE",
    "count": "BIGINT",
}
POINTS = {"dataPoints": [POINT], "aggregationTemporality": "VARCHAR", "isMonotonic": "BOOLEAN"}
METRIC = {
    "name": "VARCHAR",
    **dict.fromkeys(("sum", "gauge", "histogram", "exponentialHistogram", "summary"), POINTS),
}
RECORD = {
    "timeUnixNano": "BIGINT",
    "observedTimeUnixNano": "BIGINT",
    "traceId": "VARCHAR",
    "spanId": "VARCHAR",
    "severityNumber": "VARCHAR",
    "eventName": "VARCHAR",
    "attributes": ATTRIBUTES,
}


def request(signal: str, scopes: str, items: str, item: Mapping[str, Any]) -> str:
    """Return the schema of a request: resources, in each of them scopes, in each of them items."""
    scope = {"scope": {"name": "VARCHAR"}, items: [item]}
    return json.dumps({signal: [{"resource": {"attributes": ATTRIBUTES}, scopes: [scope]}]})
