"""The libraries' clients in several threads at once, while metrics are collected."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

import blinker
import pyee
import pytest
import zmq
from confluent_kafka import Consumer, DeserializingConsumer, Producer, TopicPartition
from support.threads import collecting, short_turns, together
from support.times import times

from otel_eda.adapters.pyzmq import known
from otel_eda.core.process.processing import open_processings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.recorder import Recorder

THREADS = 4
TURNS = times(25)
PARTITIONS = 4


@pytest.fixture(autouse=True)
def many_turns() -> Iterator[None]:
    with short_turns():
        yield


def test_sockets_that_come_and_go(recorder: Recorder) -> None:
    # As in a service that opens one for each request; and each message is the same object.
    context, names = zmq.Context(), itertools.count()

    def serve(_: int) -> None:
        for _ in range(TURNS):
            endpoint = f"inproc://{next(names)}"
            with context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as two:
                one.bind(endpoint)
                two.connect(endpoint)
                for _ in range(2):
                    two.send(b"")
                    assert one.recv() == b""

    with collecting(recorder):
        together(serve, THREADS)
    context.term()
    recorder.sends(2 * THREADS * TURNS)
    recorder.processes(2 * THREADS * TURNS)
    assert (open_processings.all(), known.wires) == ([], {})


class Noting(Consumer):
    """Notes who asks how far it is; one of Python's own classes, unlike its base, can be asked by whoever knows it."""

    asked: set[int]

    def position(self, *args: Any) -> Any:
        self.asked.add(threading.get_ident())
        return super().position(*args)


@pytest.fixture
def broker() -> Iterator[str]:
    """A broker of librdkafka's own, with a topic."""
    mock = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
    (address,) = (f"{one.host}:{one.port}" for one in mock.list_topics().brokers.values())
    for number in range(PARTITIONS * 10):
        mock.produce("orders", b"x", partition=number % PARTITIONS)
    assert mock.flush(30) == 0
    yield address
    mock.close() if hasattr(mock, "close") else None


@pytest.mark.parametrize("kind", [Consumer, DeserializingConsumer, Noting])
def test_consumers_that_are_closed_while_metrics_are_collected(
    recorder: Recorder, broker: str, kind: Callable[[dict[str, Any]], Consumer]
) -> None:
    groups = itertools.count()

    def consume(_: int) -> None:
        for _ in range(5):
            settings = {"bootstrap.servers": broker, "group.id": f"group {next(groups)}", "log_level": 0}
            consumer = kind(settings)
            asked = consumer.__dict__.setdefault("asked", set()) if kind is Noting else set()
            consumer.assign([TopicPartition("orders", one, 0) for one in range(PARTITIONS)])
            while consumer.poll(1) is None:
                pass
            consumer.close()
            assert asked <= {threading.get_ident()}
            assert kind is not Noting or asked

    with collecting(recorder):
        together(consume, THREADS)
    recorder.processes(THREADS * 5)


def test_handlers_that_come_and_go(recorder: Recorder) -> None:
    signal, emitter = blinker.Signal(), pyee.EventEmitter()

    def handle(_: int) -> None:
        for _ in range(TURNS):

            def receiver(_: object) -> None: ...

            signal.connect(receiver)
            emitter.on("paid", receiver)
            signal.send(None)
            emitter.emit("paid", None)
            signal.disconnect(receiver)
            emitter.remove_listener("paid", receiver)

    def failure(error: object) -> None:
        raise AssertionError(error)

    emitter.on("error", failure)
    with collecting(recorder):
        together(handle, THREADS)
    sent = [span for span in recorder.ours() if span.name.startswith(("send", "emit paid"))]
    assert len(sent) == 2 * THREADS * TURNS
