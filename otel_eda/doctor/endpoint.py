"""Where telemetry goes, and whether anything answers there."""

from __future__ import annotations

import importlib
import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_eda.status import Status

EXPORTERS = {
    "grpc": "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http.trace_exporter",
}
TIMEOUT = 3  # seconds


class _LogLines(logging.Handler):
    """Keeps the messages that an exporter logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def probe() -> Status:
    """Return whether the endpoint of the environment takes spans: the SDK's own exporter sends it an empty request."""
    chosen = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    if not chosen.startswith("otlp"):
        return {"exporter": chosen, "address": None, "answers": None, "why": "not an OTLP exporter"}
    protocol = _protocol(chosen)
    if protocol not in EXPORTERS:
        return {"exporter": protocol, "address": None, "answers": None, "why": f"{protocol} is not known"}
    endpoint: Status = {"exporter": protocol, "address": None, "answers": False}
    try:
        exporter = importlib.import_module(EXPORTERS[protocol]).OTLPSpanExporter(timeout=TIMEOUT)
        endpoint["address"] = str(exporter._endpoint)
        return {**endpoint, **_export(exporter)}
    except ImportError as error:
        return {**endpoint, "why": f"{error}: pip install 'otel-eda[otlp]'"}
    except Exception as error:  # noqa: BLE001  # what it makes of the environment is what is asked for
        return {**endpoint, "why": f"{type(error).__name__}: {error}"}


def _protocol(chosen: str) -> str:
    if chosen.startswith("otlp_proto"):
        return "http/protobuf" if chosen.endswith("http") else "grpc"
    general = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")  # the distro's default
    return os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", general)


def _export(exporter: Any) -> Status:
    log, logger = _LogLines(), logging.getLogger("opentelemetry.exporter")
    logger.addHandler(log)
    propagate, logger.propagate = logger.propagate, False
    try:
        answers = exporter.export([]).name == "SUCCESS"
    finally:
        logger.removeHandler(log)
        logger.propagate = propagate
        exporter.shutdown()
    return {"answers": answers, "why": None if answers else (log.lines or ["no answer"])[-1]}
