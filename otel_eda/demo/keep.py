"""Keeps telemetry in files as the OpenTelemetry Collector's file exporter does: a line of OTLP JSON per request."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict

from .receiver import REQUESTS, Export, Request

if TYPE_CHECKING:
    from pathlib import Path

IDS = {"traceId", "spanId", "parentSpanId"}


class Keep:
    """A sink that appends to `traces.jsonl`, `metrics.jsonl` and `logs.jsonl` in a folder, emptied first."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        for signal in REQUESTS:
            self.file(signal).write_text("", encoding="utf-8")

    def file(self, signal: str) -> Path:
        """Give the file that a signal goes to."""
        return self.folder / f"{signal}.jsonl"

    def __call__(self, export: Export) -> None:
        """Append a request."""
        with self.file(export.signal).open("a", encoding="utf-8") as file:
            file.write(line(export.request) + "\n")


def line(request: Request) -> str:
    """Write a request as OTLP JSON: protobuf's JSON, but enums as numbers and ids in hex.

    https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
    """
    return json.dumps(_hex(MessageToDict(request, use_integers_for_enums=True)), separators=(",", ":"))


def _hex(value: Any) -> Any:
    if isinstance(value, list):
        return [_hex(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: base64.b64decode(item).hex() if key in IDS else _hex(item) for key, item in value.items()}
