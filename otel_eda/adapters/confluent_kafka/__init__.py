"""confluent-kafka 2.3 to 2.x."""

from __future__ import annotations

from otel_eda.core import Library, Official

from . import aio, assignment, batch, consumer, producer, share
from .messages import code, read, unconfigured

SURFACES = (producer, batch, consumer, assignment, share, aio)
LIBRARY = Library(
    name="confluent_kafka",
    system="kafka",
    package="confluent_kafka",
    distribution="confluent-kafka",
    supported=((2, 3), (3,)),
    official=Official(
        "opentelemetry.instrumentation.confluent_kafka:ConfluentKafkaInstrumentor",
        client={"instrument_producer": True, "instrument_consumer": True},
        no_client=("uninstrument_producer", "uninstrument_consumer"),
        quiet=("wrap_produce", "wrap_poll", "wrap_consume"),
    ),
    message=read,
    identify=unconfigured,
    positions=assignment.positions_of,
    confined=True,
    owner=aio.inner_client,
    code=code,
    shapes=tuple(shape for surface in SURFACES for shape in surface.SHAPES),
    signatures={name: text for surface in SURFACES for name, text in surface.SIGNATURES.items()},
)
