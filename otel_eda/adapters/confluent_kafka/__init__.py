"""confluent-kafka 2.3 to 2.x."""

from __future__ import annotations

from otel_eda.core import Library

from . import aio, assignment, batch, consumer, producer, share
from .messages import read, unconfigured

SURFACES = (producer, batch, consumer, assignment, share, aio)
LIBRARY = Library(
    name="confluent_kafka",
    system="kafka",
    package="confluent_kafka",
    distribution="confluent-kafka",
    supported=((2, 3), (3,)),
    official="opentelemetry.instrumentation.confluent_kafka:ConfluentKafkaInstrumentor",
    message=read,
    identify=unconfigured,
    positions=assignment.positions_of,
    owner=aio.inner_client,
    shapes=tuple(shape for surface in SURFACES for shape in surface.SHAPES),
    signatures={name: text for surface in SURFACES for name, text in surface.SIGNATURES.items()},
)
