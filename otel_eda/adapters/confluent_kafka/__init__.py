"""confluent-kafka 2.3 to 2.x."""

from __future__ import annotations

from otel_eda.core import Library

from . import aio, consumer, producer
from .messages import read, unconfigured

LIBRARY = Library(
    name="confluent_kafka",
    system="kafka",
    package="confluent_kafka",
    distribution="confluent-kafka",
    supported=((2, 3), (3,)),
    official="opentelemetry.instrumentation.confluent_kafka:ConfluentKafkaInstrumentor",
    message=read,
    identify=unconfigured,
    owner=aio.inner,
    shapes=(*producer.SHAPES, *consumer.SHAPES, *aio.SHAPES),
    signatures=producer.SIGNATURES | consumer.SIGNATURES | aio.SIGNATURES,
)
