"""The parts of OTLP's JSON that diagnosis reads, for DuckDB, which ignores all other parts."""

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


def resources(scopes: str, items: str, item: Mapping[str, Any]) -> list[Any]:
    """Return the schema of a request's resources: in each of them scopes, in each of them items."""
    scope = {"scope": {"name": "VARCHAR"}, items: [item]}
    return [{"resource": {"attributes": ATTRIBUTES}, scopes: [scope]}]


def as_json(schema: Any) -> str:
    """Return a schema as `from_json` takes it."""
    return json.dumps(schema)


def as_type(schema: Any) -> str:
    """Return a schema as the name of a type."""
    if isinstance(schema, str):
        return schema
    if isinstance(schema, list):
        return f"{as_type(schema[0])}[]"
    fields = (f'"{name}" {as_type(part)}' for name, part in schema.items())
    return f"STRUCT({', '.join(fields)})"
