"""The instrumentors that `opentelemetry-instrument` loads: one for each name of the suite."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from . import config, suite

if TYPE_CHECKING:
    from collections.abc import Collection


_log = logging.getLogger("otel_eda")
_LAUNCHERS = {"skip_dep_check", "raise_exception_on_conflict"}


class _Instrumentor(BaseInstrumentor):  # type: ignore[misc]  # it has no types
    name: str  # as the suite and the entry point have it

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return no dependency: a library that is not installed is never imported."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        providers = [kwargs.pop(f"{signal}_provider", None) for signal in ("tracer", "meter", "logger")]
        if kwargs:
            _log.warning("Settings are those of all of otel-eda, and stand under `eda`, not `eda_%s`", self.name)
        suite.switch_on(self.name, *providers)

    def _uninstrument(self, **_: Any) -> None:
        suite.switch_off(self.name)


class EdaInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # it has no types
    """Takes the settings from the SDK's declarative file, where they are the options of `eda`; it patches nothing."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return no dependency."""
        return ()

    def instrument(self, **options: Any) -> None:
        """Take the settings; the launcher calls once more without any, which is no error."""
        settings = {name: value for name, value in options.items() if name not in _LAUNCHERS}
        if settings:
            config.from_file(settings)

    def _instrument(self, **_: Any) -> None:
        """Patch nothing."""

    def _uninstrument(self, **_: Any) -> None:
        """Restore nothing."""


class KafkaPythonInstrumentor(_Instrumentor):
    """Switches the instrumentation of kafka-python on and off."""

    name = "kafka_python"


class ConfluentKafkaInstrumentor(_Instrumentor):
    """Switches the instrumentation of confluent-kafka on and off."""

    name = "confluent_kafka"


class AiokafkaInstrumentor(_Instrumentor):
    """Switches the instrumentation of aiokafka on and off."""

    name = "aiokafka"


class PikaInstrumentor(_Instrumentor):
    """Switches the instrumentation of pika on and off."""

    name = "pika"


class AioPikaInstrumentor(_Instrumentor):
    """Switches the instrumentation of aio-pika on and off."""

    name = "aio_pika"


class PyzmqInstrumentor(_Instrumentor):
    """Switches the instrumentation of pyzmq on and off."""

    name = "pyzmq"


class BlinkerInstrumentor(_Instrumentor):
    """Switches the instrumentation of blinker on and off."""

    name = "blinker"


class PyeeInstrumentor(_Instrumentor):
    """Switches the instrumentation of pyee on and off."""

    name = "pyee"


class DramatiqInstrumentor(_Instrumentor):
    """Switches the instrumentation of Dramatiq on and off."""

    name = "dramatiq"


class TaskiqInstrumentor(_Instrumentor):
    """Switches the instrumentation of taskiq on and off."""

    name = "taskiq"


class FaustStreamingInstrumentor(_Instrumentor):
    """Switches the instrumentation of Faust on and off."""

    name = "faust_streaming"


class FaststreamInstrumentor(_Instrumentor):
    """Switches the instrumentation of FastStream on and off."""

    name = "faststream"


class RegistriesInstrumentor(_Instrumentor):
    """Switches the instrumentation of in-process registries of handlers on and off."""

    name = "registries"
