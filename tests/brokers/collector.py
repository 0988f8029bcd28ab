"""The OpenTelemetry Collector, with what it is told in stack/collector.yaml."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from . import cache, tools
from .service import HOST, Service

MODULE = Path(__file__).parent / "collector"
CONFIG = Path(__file__).parents[2] / "stack" / "collector.yaml"
WAIT = 30.0  # seconds


class CollectorServer(Service):
    """The process of a collector that sends to the Jaeger at `host:port` (OTLP by gRPC)."""

    name = "collector"
    listeners = 4

    def __init__(self, folder: Path, jaeger: str) -> None:
        super().__init__(folder)
        self.jaeger = jaeger

    @property
    def addresses(self) -> dict[str, str]:
        """Where things are that containers find at `collector:PORT`."""
        return {f"collector:{port}": f"{HOST}:{here}" for port, here in zip(PORTS, self.ports, strict=True)}

    @property
    def telemetry(self) -> Path:
        """The folder of its files."""
        return self.folder / "telemetry"

    def prepare(self) -> list[str]:
        """Write what is different from the container: addresses and folders."""
        self.telemetry.mkdir(exist_ok=True)
        here = self.folder / "here.json"
        here.write_text(json.dumps(self._here(), indent=1))
        return [str(binary()), f"--config={CONFIG}", f"--config={here}"]

    def ready(self) -> bool:
        """Tell whether it takes telemetry and can be scraped."""
        try:
            for port in self.ports:
                socket.create_connection((HOST, port), WAIT).close()
        except OSError:
            return False
        return True

    def _here(self) -> dict[str, object]:
        grpc, http, scraped, own = self.ports
        files = {f"file/{signal}": {"path": str(self.telemetry / f"{signal}.jsonl")} for signal in SIGNALS}
        return {
            "receivers": {"otlp": {"protocols": {"grpc": _at(grpc), "http": _at(http)}}},
            "exporters": {"otlp/jaeger": {"endpoint": self.jaeger}, "prometheus": _at(scraped), **files},
            "service": {"telemetry": {"metrics": {"readers": [_pulled(own)]}}},
        }


PORTS = (4317, 4318, 8889, 8888)  # as in stack/collector.yaml: OTLP twice, what services measure, what it does
SIGNALS = ("traces", "metrics", "logs")


def _at(port: int) -> dict[str, str]:
    return {"endpoint": f"{HOST}:{port}"}


def _pulled(port: int) -> dict[str, object]:
    return {"pull": {"exporter": {"prometheus": {"host": HOST, "port": port}}}}


def binary() -> Path:
    """Give the path of the collector's program; built by Go the first time."""
    sources = [MODULE / name for name in ("main.go", "go.mod", "go.sum")]
    return cache.built("collector", sources, _build) / "collector"


def _build(folder: Path) -> None:
    tools.run([tools.go(MODULE), "build", "-trimpath", "-o", str(folder / "collector"), "."], MODULE)
