"""For programs: one object, described in docs/diagnosis.md."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from .plain import moment, sends

if TYPE_CHECKING:
    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.finding import Evidence, Finding

VERSION = 1


def write(diagnosis: Diagnosis, file: TextIO, jaeger: str | None) -> None:
    """Write the report."""
    json.dump(document(diagnosis, jaeger), file, indent=2)
    file.write("\n")


def document(diagnosis: Diagnosis, jaeger: str | None = None) -> dict[str, Any]:
    """Give the whole report as plain values."""
    intake = diagnosis.intake
    return {
        "version": VERSION,
        "window": {"first_time": moment(diagnosis.window.first), "last_time": moment(diagnosis.window.last)},
        "completeness": {
            "files": intake.files,
            "spans": intake.spans,
            "lines": intake.lines,
            "repeated_spans": intake.repeated,
            "unidentified_spans": intake.unidentified,
            "broken_files": intake.broken,
            "clients": [item.as_dict() for item in diagnosis.completeness],
        },
        "unasked": list(diagnosis.unasked),
        "younger_than_grace": dict(diagnosis.young),
        "not_run": dict(diagnosis.not_run),
        "findings": [finding(item, jaeger) for item in diagnosis.findings],
    }


def finding(item: Finding, jaeger: str | None = None) -> dict[str, Any]:
    """Give one finding as plain values."""
    return {
        "code": item.code,
        "title": item.title,
        "verdict": item.verdict.name,
        "system": item.system,
        "service": item.service,
        "role": "sender" if sends(item) else "receiver",
        "destination": item.destination,
        "group": item.group,
        "partition": item.partition,
        "offset": list(item.offsets) if item.offsets else None,
        "key": item.key,
        "message": item.message,
        "error": item.error,
        "count": item.count,
        "first_time": moment(item.first_time),
        "last_time": moment(item.last_time),
        "trace_ids": list(item.trace_ids),
        "span_ids": list(item.span_ids),
        "instances": list(item.instances),
        "gates": [
            {"gate": gate.code, "state": "held" if gate.held else "open", "why": gate.why} for gate in item.gates
        ],
        "detail": item.detail,
        "cause": item.cause,
        "because": list(item.because),
        "action": item.action,
        "evidence": [evidence(one) for one in item.evidence],
        "links": [f"{jaeger.rstrip('/')}/trace/{trace}" for trace in item.trace_ids] if jaeger else [],
    }


def evidence(item: Evidence) -> dict[str, Any]:
    """Give one occurrence as plain values."""
    return {
        "partition": item.partition,
        "offset": item.offset,
        "finished_before": item.before,
        "finished_after": item.after,
        "message": item.message,
        "trace_id": item.trace_id,
        "span_id": item.span_id,
        "other_trace_id": item.other_trace_id,
        "other_span_id": item.other_span_id,
        "instance": item.instance,
        "other_instance": item.other_instance,
        "time": moment(item.time),
        "detail": item.detail,
    }
