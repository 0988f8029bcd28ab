"""Defaults of the SDK for applications that handle messages, for settings that nobody has made.

`import otel_eda.auto` uses them, and the launcher does with `OTEL_PYTHON_DISTRO=eda`.
"""

from __future__ import annotations

import os
import socket

from opentelemetry.distro import OpenTelemetryDistro

DEFAULTS = {
    # Messages come in bursts that outrun an exporter, and the SDK drops what its queue of 2,048 spans has no room for.
    "OTEL_BSP_MAX_QUEUE_SIZE": "32768",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    # The links of a whole poll.
    "OTEL_SPAN_LINK_COUNT_LIMIT": "512",
    # Has the SDK count what it drops and fails to export.
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true",
}
NAME = "eda"
_RESOURCE = "OTEL_RESOURCE_ATTRIBUTES"


class Distro(OpenTelemetryDistro):
    """OpenTelemetry's own distribution with defaults for applications that handle messages."""

    def _configure(self, **kwargs: object) -> None:
        super()._configure(**kwargs)  # type: ignore[no-untyped-call]
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)
        _name_host()


def _name_host() -> None:
    # Without a host's name, trace viewers take each service for a machine with a clock of its own.
    attributes = os.environ.get(_RESOURCE, "")
    if "host.name=" not in attributes:
        os.environ[_RESOURCE] = ",".join(filter(None, [f"host.name={socket.gethostname()}", attributes]))


def distro() -> Distro | None:
    """Return the distribution if `OTEL_PYTHON_DISTRO` asks for it by name, else None.

    A launcher that finds it by chance is not to change the SDK's settings.
    """
    return Distro() if os.environ.get("OTEL_PYTHON_DISTRO") == NAME else None
