"""The SDK's providers and the connections of their exporters, of which a forked child makes its own.

An exporter over HTTP keeps its connection open. A child inherits that connection: if both processes wrote requests into
it, the receiver would get mixtures of two requests and refuse them. An exporter over gRPC keeps a channel, and gRPC may
close that in the child.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace

from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork
from otel_eda.core.telemetry import events
from otel_eda.core.telemetry.providers import given_providers

if TYPE_CHECKING:
    from collections.abc import Iterator

# From a provider by its processors or readers, their exporters, and the clients of those to the pools of connections.
_ATTRIBUTES = (
    "_active_span_processor",
    "_span_processors",
    "_multi_log_record_processor",
    "_log_record_processors",
    "_metric_readers",
    "_sdk_config",
    "metric_readers",
    "_batch_processor",
    "span_exporter",
    "_exporter",
    "_client",
    "_transport",
    "_pool",
    "_session",
    "adapters",
    "poolmanager",
    "proxy_manager",
)
_inherited: list[object] = []
"""Pools of the parent's connections, and its channels, kept so that nothing closes them or waits for their locks."""
_GRPC = "opentelemetry.exporter.otlp.proto.grpc.exporter"


def providers() -> tuple[object, ...]:
    """Return the providers of spans, metrics and logs, global and given ones, in the order of their flush.

    What is observed with the metrics leaves as logs.
    """
    from opentelemetry._logs import get_logger_provider

    recording = trace.get_tracer_provider(), metrics.get_meter_provider(), *given_providers()
    every = *recording, get_logger_provider(), events.provider()
    return tuple({id(one): one for one in every if one is not None}.values())


class _Reconnecting:
    """The stub of an exporter over gRPC in a forked child: it opens a channel of its own at the first export.

    That is no sooner, because gRPC's own handlers of the fork may come after ours, and close every channel.
    """

    def __init__(self, exporter: Any) -> None:
        self._exporter = exporter

    def Export(self, *args: Any, **options: Any) -> Any:  # noqa: N802  # gRPC's name
        """Export by a new channel."""
        self._exporter._initialize_channel_and_stub()
        return self._exporter._client.Export(*args, **options)


@on_fork
@guarded
def _leave_connections() -> None:
    pools = getattr(sys.modules.get("urllib3"), "PoolManager", ())
    over_grpc = getattr(sys.modules.get(_GRPC), "OTLPExporterMixin", ())
    for found in _connected(providers(), (pools, over_grpc), set()):
        if isinstance(found, pools):
            _inherited.append(found.pools)
            found.pools = type(found.pools)(found.pools._maxsize, found.pools.dispose_func)
        elif hasattr(found, "_initialize_channel_and_stub"):  # before version 1.40 a channel is for ever
            _inherited.append(found._channel)
            found._client = _Reconnecting(found)


def _connected(thing: object, kind: Any, seen: set[int]) -> Iterator[Any]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, kind):
        yield thing
    for inner in _parts(thing):
        yield from _connected(inner, kind, seen)


def _parts(thing: object) -> list[object]:
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, (list, tuple)):
        return list(thing)
    found = (getattr(thing, name, None) for name in _ATTRIBUTES)
    return [one for one in found if one is not None]
