"""aiokafka 0.10 to 0.x."""

from __future__ import annotations

from otel_eda.adapters._kafka import read
from otel_eda.core import Library

from . import consumer, producer
from .clients import identify

LIBRARY = Library(
    name="aiokafka",
    system="kafka",
    package="aiokafka",
    distribution="aiokafka",
    supported=((0, 10), (1,)),
    official="opentelemetry.instrumentation.aiokafka:AIOKafkaInstrumentor",
    message=read,
    identify=identify,
    positions=consumer.positions_of,
    shapes=(*producer.SHAPES, *consumer.SHAPES),
)
