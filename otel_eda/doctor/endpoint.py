"""Where telemetry goes, and whether anything answers there."""

from __future__ import annotations

import importlib
import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .examination import Report

EXPORTERS = {
    "grpc": "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http.trace_exporter",
}
PATIENCE = 3


class _Said(logging.Handler):
    """Keeps what an exporter logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def probe() -> Report:
    """Export nothing to where spans go by the environment, with the SDK's own exporter, and tell whether it answers."""
    chosen = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    if not chosen.startswith("otlp"):
        return {"exporter": chosen, "address": None, "answers": None, "why": "not an OTLP exporter"}
    protocol = _protocol(chosen)
    if protocol not in EXPORTERS:
        return {"exporter": protocol, "address": None, "answers": None, "why": f"{protocol} is not known"}
    found: Report = {"exporter": protocol, "address": None, "answers": False}
    try:
        made = importlib.import_module(EXPORTERS[protocol]).OTLPSpanExporter(timeout=PATIENCE)
        found["address"] = str(made._endpoint)
        return {**found, **_export(made)}
    except ImportError as error:
        return {**found, "why": f"{error}: pip install 'otel-eda[otlp]'"}
    except Exception as error:  # noqa: BLE001  # what it makes of the environment is what is asked for
        return {**found, "why": f"{type(error).__name__}: {error}"}


def _protocol(chosen: str) -> str:
    if chosen.startswith("otlp_proto"):
        return "http/protobuf" if chosen.endswith("http") else "grpc"
    general = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")  # the distro's default
    return os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", general)


def _export(exporter: Any) -> Report:
    said, logger = _Said(), logging.getLogger("opentelemetry.exporter")
    logger.addHandler(said)
    propagate, logger.propagate = logger.propagate, False
    try:
        answers = exporter.export([]).name == "SUCCESS"
    finally:
        logger.removeHandler(said)
        logger.propagate = propagate
        exporter.shutdown()
    return {"answers": answers, "why": None if answers else (said.lines or ["no answer"])[-1]}
