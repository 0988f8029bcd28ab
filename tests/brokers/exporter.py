"""The OpenTelemetry Collector with its ClickHouse exporter."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from . import cache, tools
from .service import HOST, Service

MODULE = Path(__file__).parent / "exporter"
WAIT = 30.0  # seconds
SIGNALS = ("traces", "metrics", "logs")


class ExporterServer(Service):
    """The process of a collector that writes all it gets into a database of the ClickHouse at a port of this machine.

    It makes the tables, unless they are `made` already.
    """

    name = "exporter"
    listeners = 1

    def __init__(
        self, folder: Path, clickhouse: int, user: str, password: str, database: str, *, made: bool = False
    ) -> None:
        super().__init__(folder)
        self.exported = {
            "endpoint": f"http://{HOST}:{clickhouse}?compress=none",
            "database": database,
            "create_schema": not made,
            "username": user,
            "password": password,
            "async_insert": False,
        }

    @property
    def url(self) -> str:
        """Where it takes OTLP by HTTP."""
        return f"http://{HOST}:{self.ports[0]}"

    def prepare(self) -> list[str]:
        """Write its configuration."""
        path = self.folder / "configuration.json"
        pipeline = {"receivers": ["otlp"], "exporters": ["clickhouse"]}
        configuration = {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{HOST}:{self.ports[0]}"}}}},
            "exporters": {"clickhouse": self.exported},
            "service": {
                "pipelines": dict.fromkeys(SIGNALS, pipeline),
                "telemetry": {"metrics": {"level": "none"}},
            },
        }
        path.write_text(json.dumps(configuration))
        return [str(binary()), f"--config={path}"]

    def ready(self) -> bool:
        """Tell whether it takes telemetry."""
        try:
            socket.create_connection((HOST, self.ports[0]), WAIT).close()
        except OSError:
            return False
        return True


def binary() -> Path:
    """Give the path of the collector's program; built by Go the first time."""
    sources = [MODULE / name for name in ("main.go", "go.mod", "go.sum")]
    return cache.built("exporter", sources, _build) / "exporter"


def _build(folder: Path) -> None:
    tools.run([tools.go(MODULE), "build", "-trimpath", "-o", str(folder / "exporter"), "."], MODULE)
