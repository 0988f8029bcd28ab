"""Defaults of the SDK for applications that handle messages, for settings that nobody has made.

`import otel_eda.auto` uses them, and the launcher does with `OTEL_PYTHON_DISTRO=eda`.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from opentelemetry.distro import OpenTelemetryDistro

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_COUNTS = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"
_QUEUE, _BATCH = "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
DEFAULTS = {
    # Messages come in bursts that outrun an exporter, and the SDK drops what its queue of 2,048 spans has no room for.
    _QUEUE: "32768",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    # Each request has a price of its own. Larger ones might exceed the 4 MiB that receivers take by gRPC.
    _BATCH: "1024",
    # The links of a whole poll.
    "OTEL_SPAN_LINK_COUNT_LIMIT": "512",
    # Has the SDK count what it drops and fails to export.
    _COUNTS: "true",
}
# They hold while the SDK is being configured. Processors and exporters, which count batches and losses, are made then;
# a tracer would count each span it starts, for more than the span costs. A processor that the application makes
# later may have a queue that is shorter than our batch.
_PASSING = (_COUNTS, _BATCH)
NAME = "eda"
_RESOURCE = "OTEL_RESOURCE_ATTRIBUTES"
_ANYWHERE = ("192.0.2.1", 9)  # an address that is nobody's


class Distro(OpenTelemetryDistro):
    """OpenTelemetry's own distribution with defaults for applications that handle messages."""

    _passing: tuple[str, ...] = ()

    def _configure(self, **kwargs: object) -> None:
        super()._configure(**kwargs)  # type: ignore[no-untyped-call]
        ours = {name for name in DEFAULTS if name not in os.environ}
        if _QUEUE not in ours and not _is_at_least(os.environ[_QUEUE], DEFAULTS[_BATCH]):
            ours.discard(_BATCH)  # the SDK refuses a batch that its queue has no room for
        os.environ.update({name: DEFAULTS[name] for name in ours})
        self._passing = tuple(ours.intersection(_PASSING))
        _name_host()

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: object) -> None:
        """Load an instrumentor, as the launcher asks for when the SDK is configured."""
        self.configured()
        super().load_instrumentor(entry_point, **kwargs)

    def configured(self) -> None:
        """End the defaults that hold while the SDK is being configured, unless the user has asked for them."""
        for name in self._passing:
            os.environ.pop(name, None)
        self._passing = ()


def _is_at_least(size: str, least: str) -> bool:
    return size.strip().isdecimal() and int(size) >= int(least)


def _name_host() -> None:
    # Jaeger takes services whose `ip` it does not know for machines with clocks of their own, and warns of their skew.
    given = os.environ.get(_RESOURCE, "")
    names = {pair.partition("=")[0].strip() for pair in given.split(",")}
    found = {"host.name": socket.gethostname, "ip": _address}
    added = [f"{name}={find()}" for name, find in found.items() if name not in names]
    os.environ[_RESOURCE] = ",".join(filter(None, [*added, given]))


def _address() -> str:
    """Return the address from which this machine would send to others; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANYWHERE)
        except OSError:
            return "127.0.0.1"  # there is no way to others
        address: str = probe.getsockname()[0]
        return address


def distro() -> Distro | None:
    """Return the distribution if `OTEL_PYTHON_DISTRO` asks for it by name, else None.

    A launcher that finds it by chance is not to change the SDK's settings.
    """
    return Distro() if os.environ.get("OTEL_PYTHON_DISTRO") == NAME else None
