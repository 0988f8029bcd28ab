"""Whether spans can be light: with the SDK's own provider, if a light span is found to be as one of the SDK's."""

from __future__ import annotations

import logging
import sys
from copy import copy
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from otel_eda.core.runtime.contexts import EMPTY
from otel_eda.core.runtime.locks import PatientLock
from otel_eda.core.runtime.state import on_reset
from otel_eda.core.telemetry.templates import Template, given, starting

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

_log = logging.getLogger("otel_eda")
_SDK = "opentelemetry.sdk.trace"
# With the function of `encoding` that takes the place of their `encode_spans`: gRPC needs a message.
_EXPORTERS = {
    "opentelemetry.exporter.otlp.proto.http.trace_exporter": "encode_to_bytes",
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter": "encode_spans",
}
# Of the SDK's, by module and class: what is not called where a span is light.
_METHODS = {
    (_SDK, "Tracer"): ("start_span",),
    (_SDK, "_Span"): ("__init__", "start", "end", "set_attribute", "set_attributes", "get_span_context"),
    (_SDK, "SynchronousMultiSpanProcessor"): ("on_start", "on_end"),
    (f"{_SDK}.id_generator", "RandomIdGenerator"): ("generate_span_id", "generate_trace_id"),
    (f"{_SDK}.sampling", "StaticSampler"): ("should_sample",),
    (f"{_SDK}.sampling", "ParentBased"): ("should_sample",),
}
_replaced: dict[str, tuple[Any, Any]] = {}
_replacing = PatientLock()


def lightened(provider: object, tracer: Any) -> Tracer:
    """Return a tracer that starts light spans, or the tracer itself where light spans would not be the same.

    They are not with a provider that is not the SDK's very own, where somebody has exchanged methods of the SDK, and
    with a version of the SDK in which a span that is made both ways comes out different.
    """
    given: Tracer = tracer
    sdk = sys.modules.get(_SDK)
    if sdk is None or type(provider) is not sdk.TracerProvider or type(tracer) is not sdk.Tracer:
        return given
    try:
        from otel_eda.core.telemetry.light_tracer import LightTracer

        if not (_is_original() and _alike(tracer)):
            _log.info("Spans are made by the SDK: light ones would differ from it as it is here.")
            return given
        return LightTracer(tracer, encode_light_spans)
    except Exception:  # noqa: BLE001  # the SDK's insides may be anything in a version that nobody knows yet
        _log.info("Spans are made by the SDK: light ones are not possible with this version of it.", exc_info=True)
        return given


def _is_original() -> bool:
    """Return whether nobody has exchanged a method of the SDK in whose place ours are called."""
    for (module, owner), names in _METHODS.items():
        defined = vars(sys.modules[module])
        methods = [getattr(defined[owner], name) for name in names]
        if not all(type(method) is FunctionType and method.__globals__ is defined for method in methods):
            return False
    return True


class _Ids:
    """Generates the same identifiers for both ways."""

    def generate_trace_id(self) -> int:
        return 0x0AF7651916CD43DD8448EB211C80319C

    def generate_span_id(self) -> int:
        return 0xB7AD6B7169203331

    def is_trace_id_random(self) -> bool:
        return True


class _Processor:
    """Keeps the last span that ended."""

    ended: Any = None

    def on_start(self, span: object, parent_context: object = None) -> None:
        pass

    _on_ending = on_start

    def on_end(self, span: object) -> None:
        self.ended = span


def _probe(tracer: Any) -> tuple[Any, _Processor]:
    # A copy of the tracer that neither counts nor exports, and gives the same identifiers each time. Its limits are so
    # wide that the SDK has nothing to warn the application of.
    from opentelemetry.sdk.trace import SpanLimits
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    probe, processor, no = copy(tracer), _Processor(), SpanLimits.UNSET
    probe._span_limits = SpanLimits(
        max_span_attributes=128, max_links=128, max_attribute_length=no, max_span_attribute_length=no
    )
    probe.span_processor, probe.sampler, probe.id_generator = processor, ALWAYS_ON, _Ids()
    probe._tracer_metrics = type("NoOpTracerMetrics", (), {"start_span": lambda *_: None})()
    return probe, processor


def _ended(tracer: Any, processor: _Processor) -> Any:
    link = Link(SpanContext(1, 2, True, TraceFlags(1)))
    inner = set_span_in_context(NonRecordingSpan(SpanContext(3, 4, True, TraceFlags(1))), EMPTY)
    more = {"a": 1, "b": "c", "d": True}
    span: Span = starting(tracer)(Template("a b", {"x": "y"}), inner, SpanKind.CONSUMER, 10, given(more, [link]))
    span.set_attribute("a", "2")
    span.set_attributes({"e": 0.5, "b": -3})
    span.end(20)
    return processor.ended


def _pair(tracer: Any) -> tuple[Any, Any]:
    from otel_eda.core.telemetry.light_tracer import LightTracer

    probe, processor = _probe(tracer)
    return _ended(probe, processor), _ended(LightTracer(probe, lambda _: None), processor)


def _alike(tracer: Any) -> bool:
    theirs, ours = _pair(tracer)
    return bool(theirs.to_json(indent=None) == ours.to_json(indent=None) and ours.context == theirs.context)


def exporters() -> list[str]:
    """Return the modules of the official exporters for which light spans are encoded here."""
    return sorted(_replaced)


def encode_light_spans(tracer: Any) -> None:
    """Let the official exporters that are loaded encode light spans as we do; a span of others stays theirs."""
    with _replacing.held():  # two first spans at once would take each other's function for the official one
        for name, ours_is in _EXPORTERS.items():
            if name not in _replaced:
                try:
                    _replace(name, ours_is, tracer)
                except Exception:  # noqa: BLE001  # somebody has changed it, or it is of a version that nobody knows
                    _log.info("Spans are encoded by %s: it is not as we know it.", name, exc_info=True)


def _replace(name: str, ours_is: str, tracer: Any) -> None:
    module: Any = sys.modules.get(name)
    official = getattr(module, "encode_spans", None)
    if official is None:
        return
    from otel_eda.core.telemetry import encoding

    encode, (theirs, ours), read = getattr(encoding, ours_is), _pair(tracer), official([])
    read.ParseFromString(encode([ours], official).SerializePartialToString())
    if read == official([theirs]):
        module.encode_spans = partial(encode, official=official)
        _replaced[name] = official, module.encode_spans


@on_reset
def _put_back() -> None:
    for name, (official, own) in _replaced.items():
        module: Any = sys.modules.get(name)
        if getattr(module, "encode_spans", None) is own:
            module.encode_spans = official
    _replaced.clear()
