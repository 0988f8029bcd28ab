"""Faust (faust-streaming) 0.11 to 0.x, above aiokafka: streams and agents read what a thread of their own fetches."""

from __future__ import annotations

from typing import Any

from otel_eda.adapters._kafka import read, server
from otel_eda.core import Identity, Iterate, Library, Message

STREAM = "faust.streams:Stream"
SENSORS = "faust.sensors.base:SensorDelegate"


def identify(stream: Any) -> Identity:
    """Read the settings of a stream's application; of several agents that read a topic, each is a group of its own."""
    app, own = stream.app, topics(stream.channel)
    others = [name for name, agent in app.agents.items() if name != stream.prefix and topics(agent.channel) & own]
    group = f"{app.conf.id}/{stream.prefix or 'stream'}" if others else app.conf.id
    url = next(iter(app.transport.url))
    return Identity(app.conf.broker_client_id, group, *server(f"{url.host}:{url.port or app.transport.default_port}"))


def topics(channel: Any) -> set[str]:
    """Return the names of a channel's topics; a channel in memory has none."""
    return {*(getattr(channel, "topics", None) or ())}


def message(event: Any) -> Message | None:
    """Read an event; None if no broker has numbered its message, as in a channel in memory."""
    record: Any = getattr(event, "message", None)
    found = None if record is None else read(record)
    if found is None or found.offset is None:
        return None
    found.timestamp = None if record.timestamp is None else round(record.timestamp * 1000)
    found.record = event
    return found


def reader(stream: Any) -> Any:
    """Return what reads the message of the value that a stream has given."""
    return lambda _: message(stream.current_event)


LIBRARY = Library(
    name="faust_streaming",
    system="kafka",
    package="faust",
    distribution="faust-streaming",
    supported=((0, 11), (1,)),
    message=message,
    identify=identify,
    shapes=(
        Iterate(f"{STREAM}.__aiter__", "fetch", reader, arrival=(f"{SENSORS}.on_stream_event_in", "stream", "event")),
    ),
)
