"""Requests of spans of now, as exporters send them: made once, ids and times are written into the bytes."""

from __future__ import annotations

import random
import secrets
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

SERVICES, TOPICS, PARTITIONS = 50, 40, 8
BATCH = 512  # spans in a request
AGES = (900, 800, 600, 300)  # hundredths of a millisecond ago: a send and its processing begin and end


class Batches:
    """Requests of spans that end now; made once, with ids and times written into the bytes."""

    def __init__(self, seed: int = 1) -> None:
        luck = random.Random(seed)  # noqa: S311  # no secret
        self.templates = [_template(luck, number) for number in range(16)]
        self.number = 0

    def next(self) -> bytes:
        """Return the next request."""
        body, marks = self.templates[self.number % len(self.templates)]
        self.number += 1
        copy, now = bytearray(body), time.time_ns()
        fresh = {mark: secrets.token_bytes(len(mark)) for mark in marks if mark[:1] == b"\xfe"}
        for mark, places in marks.items():
            value = fresh.get(mark) or (now - int.from_bytes(mark[1:4], "big") * 10_000).to_bytes(8, "little")
            for place in places:
                copy[place : place + len(mark)] = value
        return bytes(copy)


def _template(luck: random.Random, number: int) -> tuple[bytes, dict[bytes, list[int]]]:
    """Return a request with marks instead of ids (they begin with 0xFE) and times (0xFD), and where the marks are."""
    request, marks = ExportTraceServiceRequest(), []
    sender, worker = (_resource(request, f"service-{luck.randrange(SERVICES)}") for _ in range(2))
    for turn in range(BATCH // 2):
        trace, sent, worked = (_mark(size, number, turn, kind) for kind, size in enumerate((16, 8, 8)))
        topic = f"topic-{luck.randrange(TOPICS)}"
        times = [b"\xfd" + ago.to_bytes(3, "big") + bytes((number, turn, 0, place)) for place, ago in enumerate(AGES)]
        said = {"messaging.destination.partition.id": str(luck.randrange(PARTITIONS))}
        send = _span(sender, "send", topic, said)
        send.trace_id, send.span_id, send.kind = trace, sent, Span.SPAN_KIND_PRODUCER
        _times(send, times[0], times[1])
        work = _span(worker, "process", topic, {**said, "messaging.consumer.group.name": "readers"})
        work.trace_id, work.span_id, work.kind = trace, worked, Span.SPAN_KIND_CONSUMER
        work.parent_span_id = sent
        _times(work, times[2], times[3])
        marks += [trace, sent, worked, *times]
    body = request.SerializeToString()
    return body, {mark: _places(body, mark) for mark in marks}


def _mark(size: int, number: int, turn: int, kind: int) -> bytes:
    return (b"\xfe" + bytes((number, turn, 0, kind)) * 4)[:size].ljust(size, b"\xfe")


def _times(span: Span, begin: bytes, end: bytes) -> None:
    span.start_time_unix_nano, span.end_time_unix_nano = (int.from_bytes(mark, "little") for mark in (begin, end))


def _places(body: bytes, mark: bytes) -> list[int]:
    places, at = [], body.find(mark)
    while at >= 0:
        places.append(at)
        at = body.find(mark, at + 1)
    return places


def _resource(request: ExportTraceServiceRequest, service: str) -> ScopeSpans:
    resource = request.resource_spans.add()
    _attribute(resource.resource.attributes, "service.name", service)
    _attribute(resource.resource.attributes, "service.instance.id", f"{service}-1")
    scope = resource.scope_spans.add()
    scope.scope.name = "otel_eda.bench"
    return scope


def _span(scope: ScopeSpans, type_: str, topic: str, more: dict[str, Any]) -> Span:
    span = scope.spans.add(name=f"{type_} {topic}")
    said = {
        "messaging.system": "kafka", "messaging.operation.name": type_, "messaging.operation.type": type_,
        "messaging.destination.name": topic, "messaging.client.id": "bench-client", "server.address": "broker",
        "server.port": 9092, "messaging.message.body.size": 512, **more,
    }  # fmt: skip
    for key, value in said.items():
        _attribute(span.attributes, key, value)
    return span


def _attribute(pairs: Any, key: str, value: object) -> None:
    pair = pairs.add(key=key)
    if isinstance(value, int):
        pair.value.int_value = value
    else:
        pair.value.string_value = str(value)
