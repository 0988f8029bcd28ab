"""Reads JSON documents that hold traces in another form than OTLP: what Jaeger's and Tempo's pages and APIs give."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis import external

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGINNING = re.compile(
    rb"\s*(?:\[\s*)?\{\s*\"(?:data|result|batches|trace|traceID|spans|processes|total|limit|offset|errors)\"\s*:"
)
SIGNALS = ("resourceSpans", "resourceMetrics", "resourceLogs")
KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
TYPES = {"bool": "boolValue", "int64": "intValue", "float64": "doubleValue"}
MICROSECOND = 1000  # nanoseconds
TRACE_DIGITS, SPAN_DIGITS = 32, 16  # of an id; Jaeger leaves leading zeros out


def requests(text: str) -> Iterator[dict[str, Any] | None]:
    """Yield an OTLP request for each resource in a text of JSON documents, and None for each damaged line."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        try:
            document, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = text.find("\n", at) + 1 or len(text)
            if text[at:end].strip():
                yield None
        else:
            yield from _of_document(document)
        at = _next(text, end)


def _of_document(document: Any) -> Iterator[dict[str, Any] | None]:
    try:
        yield from _unwrapped(document)
    except RecursionError:  # nested deeper than any telemetry is
        yield None


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _unwrapped(document: Any) -> Iterator[dict[str, Any]]:
    """Yield the requests in a document, whatever answer or list they are wrapped in."""
    if isinstance(document, list):
        for item in document:
            yield from _unwrapped(item)
    if not isinstance(document, dict):
        return
    if any(signal in document for signal in SIGNALS):
        yield document
    elif "batches" in document:
        yield {"resourceSpans": document["batches"]}
    elif isinstance(document.get("spans"), list):
        yield from _jaeger(document)
    else:
        for name in ("data", "result", "trace"):
            yield from _unwrapped(document.get(name))


def _jaeger(trace: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a request for each span of a trace in Jaeger's own JSON.

    https://github.com/jaegertracing/jaeger/blob/main/internal/uimodel/model.go
    """
    processes = trace.get("processes")
    for span in trace["spans"]:
        if isinstance(span, dict):
            of_id = processes.get(span.get("processID")) if isinstance(processes, dict) else None
            yield _request(span, span.get("process") or of_id or {})


def _request(span: dict[str, Any], process: dict[str, Any]) -> dict[str, Any]:
    tags = _values(span.get("tags"))
    resource = [
        *_attributes(process.get("tags")),
        _attribute(external.SERVICE_NAME, "string", process.get("serviceName")),
    ]
    scope = {"name": tags.get(external.SCOPE_NAME) or tags.get(external.OLDER_SCOPE_NAME)}
    return {
        "resourceSpans": [
            {"resource": {"attributes": resource}, "scopeSpans": [{"scope": scope, "spans": [_span(span, tags)]}]}
        ]
    }


def _span(span: dict[str, Any], tags: dict[str, Any]) -> dict[str, Any]:
    trace, started = _id(span.get("traceID"), TRACE_DIGITS), _nanoseconds(span.get("startTime"))
    parent, links = _references(span, trace)
    failed = tags.get(external.STATUS_CODE) == "ERROR" or str(tags.get("error")).lower() == "true"
    return {
        "traceId": trace,
        "spanId": _id(span.get("spanID"), SPAN_DIGITS),
        "parentSpanId": parent,
        "name": span.get("operationName"),
        "kind": KINDS.get(str(tags.get("span.kind")), 0),
        "startTimeUnixNano": started,
        "endTimeUnixNano": None if started is None else started + (_nanoseconds(span.get("duration")) or 0),
        "attributes": _attributes(span.get("tags")),
        "links": links,
        "events": [_event(log) for log in _dicts(span.get("logs"))],
        "status": {"code": 2 if failed else 0, "message": tags.get(external.STATUS_TEXT)},
    }


def _references(span: dict[str, Any], trace: str | None) -> tuple[str | None, list[dict[str, Any]]]:
    """Return the id of a span's parent, and the links to all that it refers to otherwise.

    Jaeger gives one reference alone to a span that is both: it follows from its parent, as from any link.
    """
    parent, followed, links = _id(span.get("parentSpanID"), SPAN_DIGITS), None, []
    for reference in _dicts(span.get("references")):
        to = _id(reference.get("traceID"), TRACE_DIGITS), _id(reference.get("spanID"), SPAN_DIGITS)
        if reference.get("refType") == "CHILD_OF" and to[0] == trace and not parent:
            parent = to[1]
            continue
        followed = followed or (to[1] if to[0] == trace else None)
        links.append({"traceId": to[0], "spanId": to[1]})
    return parent or followed, links


def _event(log: dict[str, Any]) -> dict[str, Any]:
    fields = _values(log.get("fields"))
    return {
        "name": fields.get("event") or fields.get("message"),
        "timeUnixNano": _nanoseconds(log.get("timestamp")),
        "attributes": _attributes(log.get("fields")),
    }


def _values(tags: Any) -> dict[str, Any]:
    return {str(tag.get("key")): tag.get("value") for tag in _dicts(tags)}


def _attributes(tags: Any) -> list[dict[str, Any]]:
    return [_attribute(tag.get("key"), tag.get("type"), tag.get("value")) for tag in _dicts(tags)]


def _attribute(name: Any, type_: Any, value: Any) -> dict[str, Any]:
    return {"key": name, "value": {TYPES.get(type_, "stringValue"): value}}


def _dicts(items: Any) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _id(text: Any, digits: int) -> str | None:
    return text.rjust(digits, "0") if isinstance(text, str) and text else None


def _nanoseconds(microseconds: Any) -> int | None:
    return microseconds * MICROSECOND if isinstance(microseconds, int) else None
