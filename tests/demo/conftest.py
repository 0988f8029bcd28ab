from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from support.programs import Received

from otel_eda.demo.receiver import receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.trace import Tracer

    from otel_eda.otlp import Export


@pytest.fixture
def received() -> Received:
    return Received()


@pytest.fixture
def exports() -> list[Export]:
    return []


@pytest.fixture
def endpoint(received: Received, exports: list[Export]) -> Iterator[str]:
    with receiver(received, exports.append) as url:
        yield url


@pytest.fixture(params=Compression, ids=lambda way: way.value)
def compression(request: pytest.FixtureRequest) -> Compression:
    way: Compression = request.param
    return way


@pytest.fixture
def tracer(endpoint: str) -> Iterator[Callable[[str, Compression], Tracer]]:
    """Tracers of the real SDK, one per service, that export each span to the receiver when it ends."""
    providers: list[TracerProvider] = []

    def make(service: str, compression: Compression = Compression.NoCompression) -> Tracer:
        providers.append(TracerProvider(resource=Resource({"service.name": service})))
        exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", compression=compression)
        providers[-1].add_span_processor(SimpleSpanProcessor(exporter))
        return providers[-1].get_tracer("test.scope")

    yield make
    for provider in providers:
        provider.shutdown()
