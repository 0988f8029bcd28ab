"""aiokafka 0.10 to 0.x."""

from __future__ import annotations

from otel_eda.adapters._hooks import official_hooks
from otel_eda.adapters._kafka import read
from otel_eda.core import Library, Official

from . import consumer, producer
from .clients import identify

LIBRARY = Library(
    name="aiokafka",
    system="kafka",
    package="aiokafka",
    distribution="aiokafka",
    supported=((0, 10), (1,)),
    official=Official("opentelemetry.instrumentation.aiokafka:AIOKafkaInstrumentor"),
    official_hooks=lambda settings: official_hooks(
        settings.get("async_produce_hook"), settings.get("async_consume_hook")
    ),
    message=read,
    identify=identify,
    positions=consumer.positions_of,
    shapes=(*producer.SHAPES, *consumer.SHAPES),
)
