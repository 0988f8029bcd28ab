"""Messages a second through a real broker, from the first send to the last turn of the loop."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from .contenders import configure, instrument, scenarios
from .stage import GROUP, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .contenders import Entry


class _NoBroker:
    """The real broker answers by itself."""

    def acknowledge(self) -> None:
        """Nothing to do."""


def measured(entry: Entry, address: str, topic: str, count: int) -> dict[str, float]:
    """Send so many messages and loop over them; give the messages a second of each."""
    from kafka import KafkaConsumer, KafkaProducer

    configure(entry.config)
    instrument(entry.who)
    producer = KafkaProducer(bootstrap_servers=address, client_id="shop", linger_ms=5)
    producer.broker = _NoBroker()
    consumer = KafkaConsumer(
        topic, bootstrap_servers=address, client_id="bill", group_id=f"{GROUP}-{topic}", auto_offset_reset="earliest"
    )
    actions = scenarios(entry, producer, consumer, consumer, Place(address, topic))
    actions["send"](1)
    actions["loop"](1)  # by then both know the cluster, and the group has its member
    start = time.perf_counter()
    actions["send"](count)
    producer.flush()
    sent = time.perf_counter()
    actions["loop"](count)
    looped = time.perf_counter()
    producer.close()
    consumer.close()
    return {"send": count / (sent - start), "loop": count / (looped - sent)}


@contextmanager
def broker() -> Iterator[tuple[str, str]]:
    """Run a broker and give its address and what it is: Apache Kafka where it can be built, else librdkafka's mock."""
    kafka, service, tools = (import_module(f"tests.brokers.{name}") for name in ("kafka", "service", "tools"))

    if external := kafka.external():
        yield external.address, "the Kafka at OTEL_EDA_TEST_KAFKA"
        return
    try:
        kafka.libraries()
    except (tools.MissingError, tools.BuildError):
        from otel_eda.demo.broker import broker as mock

        with mock() as address:
            yield address, "librdkafka's mock broker"
        return
    with tempfile.TemporaryDirectory() as folder, service.private(kafka.KafkaServer, Path(folder)) as server:
        yield server.address, "Apache Kafka"
