"""What `opentelemetry-instrument` loads: one instrumentor for each adapter, and one for the registries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from . import suite

if TYPE_CHECKING:
    from collections.abc import Collection


class _Instrumentor(BaseInstrumentor):  # type: ignore[misc]  # it has no types
    """Switches one name of the suite on and off."""

    name: str

    def instrumentation_dependencies(self) -> Collection[str]:
        """Ask for nothing: a library that is not installed is simply never imported."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        providers = (kwargs.get(f"{signal}_provider") for signal in ("tracer", "meter", "logger"))
        suite.switch_on(self.name, *providers)

    def _uninstrument(self, **_: Any) -> None:
        suite.switch_off(self.name)


class KafkaPythonInstrumentor(_Instrumentor):
    """kafka-python."""

    name = "kafka_python"


class ConfluentKafkaInstrumentor(_Instrumentor):
    """confluent-kafka."""

    name = "confluent_kafka"


class AiokafkaInstrumentor(_Instrumentor):
    """aiokafka."""

    name = "aiokafka"


class PikaInstrumentor(_Instrumentor):
    """pika."""

    name = "pika"


class AioPikaInstrumentor(_Instrumentor):
    """aio-pika."""

    name = "aio_pika"


class PyzmqInstrumentor(_Instrumentor):
    """pyzmq."""

    name = "pyzmq"


class BlinkerInstrumentor(_Instrumentor):
    """blinker."""

    name = "blinker"


class PyeeInstrumentor(_Instrumentor):
    """pyee."""

    name = "pyee"


class RegistriesInstrumentor(_Instrumentor):
    """In-process registries of handlers."""

    name = suite.REGISTRIES
