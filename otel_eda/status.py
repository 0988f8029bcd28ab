"""The status of the instrumentation in this process."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry import metrics, trace

from otel_eda.core.inprocess import registries
from otel_eda.core.process import body_times, deferral
from otel_eda.core.runtime.guard import failures
from otel_eda.core.telemetry import light

from . import config, semconv

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_eda.core import Library
    from otel_eda.core.process.body_times import BodyTimes
    from otel_eda.core.telemetry.providers import Scope

# What carries messages and is not covered: how it is imported, and what it is called.
NOT_COVERED = {
    "aiormq": "aiormq",
    "aiomqtt": "aiomqtt",
    "amqp": "py-amqp",
    "amqpstorm": "AMQPStorm",
    "arq": "arq",
    "azure.eventhub": "azure-eventhub",
    "azure.servicebus": "azure-servicebus",
    "boto3": "boto3 (SQS, SNS, Kinesis)",
    "aiobotocore": "aiobotocore (SQS, SNS, Kinesis)",
    "celery": "Celery",
    "google.cloud.pubsub_v1": "google-cloud-pubsub",
    "huey": "huey",
    "kombu": "kombu",
    "nats": "nats-py",
    "paho.mqtt": "paho-mqtt",
    "procrastinate": "procrastinate",
    "proton": "python-qpid-proton",
    "pulsar": "pulsar-client",
    "pymqi": "pymqi",
    "redis": "redis-py (streams, lists, pub/sub)",
    "rq": "RQ",
    "stomp": "stomp.py",
    "valkey": "valkey-py (streams, lists, pub/sub)",
}
# Those that a library which is covered stands on.
BENEATH = {"aiormq": "aio_pika"}

Status: TypeAlias = dict[str, Any]  # as JSON has it
DISTRIBUTIONS = (
    "otel-eda",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp",
)


def process_status(libraries: Iterable[Library]) -> Status:
    """Return the versions, libraries, registries, failures and providers of this process."""
    return {
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in DISTRIBUTIONS},
        "libraries": [_library_status(library) for library in libraries],
        "registries": [
            f"{item.owner.__module__}:{item.owner.__qualname__}({item.register},{item.dispatch},{item.event_type})"
            for item in registries.registries.all.values()
        ],
        "failures": dict(failures),
        "not covered": not_covered(),
        "bodies": [
            {"system": system, "destination": destination, **_times(times)}
            for (system, destination), times in body_times.by_destination.items()
        ],
        "by hand": deferral.uses_manual,
        "spans": _class_name(trace.get_tracer_provider()),
        "metrics": _class_name(metrics.get_meter_provider()),
        "ways": _ways([library.telemetry.scope for library in libraries if library.telemetry.scope is not None]),
    }


def _ways(scopes: Sequence[Scope]) -> Status:
    """Return whether spans are light, for which exporters they are encoded here, and whether durations are counted.

    None stands for what has not been used yet.
    """
    counted = {scope.metrics.counts_durations for scope in scopes} - {None}
    return {
        "light spans": all(hasattr(scope.tracer, "start_like") for scope in scopes) if scopes else None,
        "encoded for": light.exporters(),
        "counted durations": counted == {True} if counted else None,
    }


def write(file: str, libraries: Iterable[Library]) -> None:
    """Write the status of this process to a file, as JSON."""
    Path(file).write_text(json.dumps(process_status(libraries)), encoding="utf-8")


def not_covered() -> list[str]:
    """Return what this process has imported that carries messages and that no adapter covers."""
    loaded = {name for name in NOT_COVERED if name in sys.modules and BENEATH.get(name) not in sys.modules}
    return sorted(NOT_COVERED[name] for name in loaded)


def _times(times: BodyTimes) -> Status:
    return {"messages": times.messages, "seconds": times.nanoseconds / 1e9, "held": times.held}


def installed(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _library_status(library: Library) -> Status:
    loaded = library.version
    return {
        "name": library.name,
        "distribution": library.distribution,
        "installed": installed(library.distribution),
        "loaded": ".".join(map(str, loaded)) if loaded else None,
        "supported": library.range,
        "on": library.on,
        "newer": library.newer or None,
        "messages": _messages(library),
        "patched": sorted(patch.place for patch in library.patches.values()),
        "not patched": dict(library.refused),
        "disabled": f"eda_{library.name}" in _disabled(),
        "official": _official(library),
    }


def _messages(library: Library) -> dict[str, int]:
    """Return how many messages each operation of a library has seen, by the operation's name."""
    numbers: Counter[str] = Counter()
    scope = library.telemetry.scope
    for counter in (
        (scope.metrics.sent, scope.metrics.consumed, scope.metrics.settled, scope.metrics.commits) if scope else ()
    ):
        for count in list(counter.counts.values()):
            numbers[str(count.attributes.get(semconv.OPERATION))] += count.number
    return dict(numbers)


def _official(library: Library) -> str | None:
    if library.official is None:
        return None
    module, _, name = library.official.instrumentor.partition(":")
    points = entry_points(group="opentelemetry_instrumentor")
    if not any(point.value.startswith(f"{module}:") for point in points):
        return None
    return "replaced" if config.config().takeover else f"left to {name} where that is on"


def _disabled() -> set[str]:
    return {name.strip() for name in os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}


def _class_name(provider: object) -> str:
    kind = type(provider)
    return f"{kind.__module__}.{kind.__qualname__}"
