"""`import otel_eda.auto` configures the SDK by the standard `OTEL_*` variables if nobody has, and enables all."""

from __future__ import annotations

import logging
from typing import Any

from opentelemetry import metrics, trace

from .suite import enable

_log = logging.getLogger("otel_eda")


def _configured() -> bool:
    providers = trace.get_tracer_provider(), metrics.get_meter_provider()
    return any(
        not type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))
        for provider in providers
    )


def configure() -> None:
    """Configure the SDK by its own configurator, as the launcher does, with our defaults for what nobody has set."""
    try:
        from opentelemetry.distro import OpenTelemetryConfigurator

        from .distro import Distro
    except ImportError:
        _log.warning("`import otel_eda.auto` needs the SDK and the distro: pip install 'otel-eda[otlp]'")
        return
    configurators: tuple[Any, ...] = (Distro, OpenTelemetryConfigurator)  # neither has types
    try:
        for configurator in configurators:
            configurator().configure()
    except Exception:  # noqa: BLE001  # a setting that the SDK refuses stops no application, as under the launcher
        _log.exception("OpenTelemetry's SDK refuses its settings, and is not configured")
    Distro().configured()


if not _configured():
    configure()
enable()
