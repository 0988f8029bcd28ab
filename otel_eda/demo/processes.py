"""The services' processes: how they start, how they are watched, and that they end."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.interrupts import deferred
from otel_eda.launcher import launched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(__file__).parent
GRACE = 3.0  # seconds
TAIL = 25  # lines
REGISTRY = "services.events:EventHandler"

# What a user's environment may say about exporting, sampling or switching off is not meant for the demo's services.
FOREIGN = (
    "OTEL_EXPORTER_",
    "OTEL_TRACES_",
    "OTEL_METRICS_EXPORTER",
    "OTEL_LOGS_EXPORTER",
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_CONFIG_FILE",
    "OTEL_EXPERIMENTAL_CONFIG_FILE",
    "OTEL_PYTHON_CONFIGURATOR",
    "OTEL_PYTHON_DISTRO",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
)


class CrashError(UnusableError):
    """A service ended badly or hangs; the message says which, `output` is the end of what it wrote."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


@dataclass(frozen=True)
class Service:
    """One running service and the file it writes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def text(self) -> str:
        """Everything it wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def ready(self) -> bool:
        """Whether it said that it is ready."""
        return "ready" in self.text.splitlines()

    @property
    def running(self) -> bool:
        """Whether it runs; raises `CrashError` if it ended with anything but success."""
        status = self.process.poll()
        if status:
            raise CrashError(f"{self.name} ended with status {status}", self.tail)
        return status is None

    @property
    def tail(self) -> str:
        """The end of what it wrote."""
        return "\n".join(self.text.splitlines()[-TAIL:])


class Services:
    """Starts services with the same environment and arguments, and ends them all."""

    def __init__(self, environ: Mapping[str, str], arguments: list[str], logs: Path) -> None:
        self.environ = environ
        self.arguments = arguments
        self.logs = logs
        self.all: list[Service] = []

    def start(self, name: str) -> Service:
        """Start a service under OpenTelemetry's launcher."""
        log = self.logs / f"{name}.log"
        # An interrupt between a process's start and our knowing of it would leave it behind.
        with log.open("wb") as out, deferred():
            process = subprocess.Popen(
                command(name, self.arguments), env=self.environ, cwd=FOLDER, stdin=DEVNULL, stdout=out, stderr=out
            )
            self.all.append(Service(name, process, log))
        return self.all[-1]

    def running(self) -> list[Service]:
        """Return those still running; raises `CrashError` if one ended badly."""
        return [service for service in self.all if service.running]

    def stop(self) -> None:
        """End whatever still runs."""
        for service in self.all:
            service.process.terminate()
        for service in self.all:
            _end(service.process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def services(environ: Mapping[str, str], arguments: list[str], logs: Path) -> Iterator[Services]:
    """Yield services, none of which runs any more after the block."""
    started = Services(environ, arguments, logs)
    try:
        yield started
    finally:
        started.stop()


def command(name: str, arguments: list[str]) -> list[str]:
    """Return the command line that runs a service under OpenTelemetry's launcher."""
    return launched("--service_name", name, sys.executable, "-m", f"services.{name}", *arguments)


def environment(endpoint: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the services' environment: the user's, but with telemetry complete, quick, and sent to `endpoint`."""
    kept = {key: value for key, value in given.items() if not key.startswith(FOREIGN)}
    return {**DEFAULTS, **kept, **EXPORT, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **_merged(given)}


DEFAULTS = {
    "OTEL_BSP_SCHEDULE_DELAY": "200",  # milliseconds: the progress bar follows what arrives
    "OTEL_BSP_MAX_QUEUE_SIZE": "100000",  # no span may be dropped, however many orders were asked for
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
}
EXPORT = {
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    "OTEL_TRACES_EXPORTER": "otlp_proto_http",
    "OTEL_METRICS_EXPORTER": "otlp_proto_http",
    "OTEL_LOGS_EXPORTER": "otlp_proto_http",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "kafka",  # the official one would make every span twice
    "OTEL_EDA_REGISTRIES": REGISTRY,
    "PYTHONUNBUFFERED": "1",
}


def _merged(given: Mapping[str, str]) -> dict[str, str]:
    # Jaeger warns of skewed clocks between hosts, which its newer API tells apart by `host.name`, its UI by `ip` alone.
    host = f"host.name={socket.gethostname()},ip=127.0.0.1"
    attributes = [host, given.get("OTEL_RESOURCE_ATTRIBUTES", "")]
    unproxied = ["127.0.0.1", given.get("NO_PROXY", given.get("no_proxy", ""))]
    return {"OTEL_RESOURCE_ATTRIBUTES": _list(attributes), "NO_PROXY": _list(unproxied), "no_proxy": _list(unproxied)}


def _list(parts: list[str]) -> str:
    return ",".join(part for part in parts if part)
