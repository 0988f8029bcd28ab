"""A sampler sees the attributes and the links that a span starts with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import Can, Message, Shape
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler, SamplingResult
from support.conventions import named, span_rule
from support.recorder import recording
from support.spans import attribute

TYPE, PARTITION = "messaging.operation.type", "messaging.destination.partition.id"
ONE = {PARTITION, "messaging.kafka.offset"}  # known of one message only once it is sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.base import Driver
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes
    from support.bus import Bus


class Noting(Sampler):
    """Samples everything; notes what it was told."""

    def __init__(self) -> None:
        self.attributes: dict[object, dict[str, Any]] = {}
        self.links: dict[object, int] = {}

    def should_sample(  # noqa: PLR0917 (it is the SDK's signature)
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        operation = (attributes or {}).get(TYPE)
        self.attributes[operation] = dict(attributes or {})
        self.links[operation] = len(links or ())
        return ALWAYS_ON.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return "notes"


def test_a_sampler_sees_the_attributes(bus: Bus, driver: Driver, shape: Shape) -> None:
    noted = Noting()
    with recording(sampler=noted) as recorder:
        bus.send()
        bus.received(shape)
        [send], [process] = recorder.sends(1), recorder.processes(1)
        known_then = named(send.attributes or {}) - ONE
        assert noted.attributes["send"] == {name: attribute(send, name) for name in known_then}
        assert noted.attributes["process"] == process.attributes
        for span in recorder.ours():
            seen = noted.attributes[attribute(span, TYPE)]
            rule = span_rule(driver.system, str(attribute(span, TYPE)), span.kind.name.lower())
            relevant = rule.sampled_by & set(span.attributes or {}) - ({PARTITION} if span is send else set())
            assert relevant <= set(seen)


@pytest.mark.needs(Can.PARTITIONS)
def test_a_sampler_sees_the_partition_a_call_names(bus: Bus) -> None:
    noted = Noting()
    with recording(sampler=noted) as recorder:
        bus.send(Message(partition=1), destination=bus.make(partitions=2))
        recorder.sends(1)
    assert noted.attributes["send"][PARTITION] == "1"


@pytest.mark.needs(Can.HEADERS)
def test_a_sampler_sees_the_links(bus: Bus, driver: Driver, shape: Shape) -> None:
    noted = Noting()
    with recording(sampler=noted) as recorder:
        bus.send()
        bus.received(shape)
        assert len(recorder.processes(1)[0].links) == noted.links["process"] == 1
