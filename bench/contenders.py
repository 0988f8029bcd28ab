"""Who is measured, and with what switched on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .stage import KEY, VALUE, Place, acknowledged, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor

BARE, HAND, OURS, OFFICIAL = "bare", "hand", "ours", "official"
NOTHING, TRACES, ALL, OFF, OFF_ALL = "nothing", "traces", "all", "off", "off+metrics"
STAGE = Place()
SCENARIOS = ("send", "loop", "batch")


@dataclass(frozen=True)
class Entry:
    """One contender with one configuration."""

    who: str
    config: str


ENTRIES = (
    Entry(BARE, NOTHING),
    Entry(OURS, NOTHING),
    *(Entry(who, config) for config in (TRACES, ALL, OFF, OFF_ALL) for who in (HAND, OURS)),
    Entry(OFFICIAL, TRACES),
)


class Application:
    """A program without a line about telemetry."""

    def __init__(self, producer: Any, loops: Any, polls: Any, topic: str) -> None:
        self.topic = topic
        self.producer = producer
        self.loops = loops
        self.polls = polls

    def send(self, count: int) -> None:
        acknowledged(self.producer, count, self.one)

    def one(self) -> None:
        self.producer.send(self.topic, VALUE, KEY)

    def loop(self, count: int) -> None:
        for message in self.loops:
            work(message)
            count -= 1
            if not count:
                break

    def batch(self, count: int) -> None:
        while count > 0:
            for messages in self.polls.poll().values():
                for message in messages:
                    work(message)
                count -= len(messages)


def configure(config: str, processor: SpanProcessor | None = None, reader: MetricReader | None = None) -> None:
    """Set the SDK up, with a span processor that does nothing unless one is given."""
    if config == NOTHING:
        return
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

    if config in {ALL, OFF_ALL}:
        metrics.set_meter_provider(MeterProvider([reader or InMemoryMetricReader()], shutdown_on_exit=False))
    provider = TracerProvider(ALWAYS_OFF if config in {OFF, OFF_ALL} else ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(processor or SpanProcessor())
    trace.set_tracer_provider(provider)


def instrument(who: str) -> None:
    """Switch an instrumentation on, as its launcher would."""
    if who == OURS:
        import otel_eda

        logging.getLogger("otel_eda").setLevel(logging.ERROR)  # that spans go nowhere is what `nothing` is about
        otel_eda.enable()
    elif who == OFFICIAL:
        import_module("opentelemetry.instrumentation.kafka").KafkaInstrumentor().instrument()


def scenarios(
    entry: Entry, producer: Any, loops: Any, polls: Any, where: Place = STAGE
) -> dict[str, Callable[[int], None]]:
    """Give, by name, what handles so many messages."""
    if entry.who != HAND:
        application = Application(producer, loops, polls, where.topic)
        return {"send": application.send, "loop": application.loop, "batch": application.batch}
    from opentelemetry import metrics, trace

    from .byhand import Attributes, Instruments, Receiver, Sender

    measured = entry.config in {ALL, OFF_ALL}
    instruments = Instruments.of(metrics.get_meter("bench")) if measured else None
    known = Attributes(where)
    tracer = trace.get_tracer("bench")
    sender = Sender(tracer, instruments, producer, known)
    receiver = Receiver(tracer, instruments, loops, polls, known)
    return {"send": sender.send, "loop": receiver.loop, "batch": receiver.batch}
