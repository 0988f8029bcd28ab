"""The real parts themselves: they start, are shared, come back, and end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode, set_span_in_context
from pika import BasicProperties, ConnectionParameters
from pika.adapters.blocking_connection import BlockingConnection

from . import cache
from .rabbitmq import RabbitMQServer
from .service import poll, private

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer

    from .jaeger import Jaeger
    from .kafka import Kafka
    from .rabbitmq import RabbitMQ

TESTS = Path(__file__).parents[1]
WAIT = 50.0  # seconds; only a failure waits that long


def send(address: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": address})
    producer.produce(topic, value)
    assert producer.flush(WAIT) == 0


def values(address: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        messages = consumer.consume(count, WAIT)
        return [value for message in messages if not message.error() and (value := message.value()) is not None]
    finally:
        consumer.close()


def gone(pid: int) -> bool:
    """Tell whether a process has ended; what nobody waited for has too."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# --- Kafka


@pytest.mark.parametrize("value", [b"one", b"two"])
def test_a_message_goes_through_kafka(kafka: Kafka, topic: str, value: bytes) -> None:
    send(kafka.address, topic, value)
    assert values(kafka.address, topic, 1) == [value]


def test_topics_have_as_many_partitions_as_asked_for(kafka: Kafka, topics: Callable[[int], str]) -> None:
    names = topics(1), topics(3)
    found = Producer({"bootstrap.servers": kafka.address}).list_topics(timeout=WAIT).topics
    assert [len(found[name].partitions) for name in names] == [1, 3]


def test_the_shared_kafka_cannot_be_stopped(kafka: Kafka) -> None:
    with pytest.raises(RuntimeError, match="private_kafka"):
        kafka.stop()


def test_a_private_kafka_comes_back_with_its_data(private_kafka: Kafka) -> None:
    address, topic = private_kafka.address, private_kafka.topic()
    send(address, topic, b"before")
    private_kafka.stop()
    private_kafka.start()
    assert private_kafka.address == address
    send(address, topic, b"after")
    assert values(address, topic, 2) == [b"before", b"after"]


def test_a_private_kafka_comes_back_after_a_crash(private_kafka: Kafka) -> None:
    topic = private_kafka.topic()
    send(private_kafka.address, topic, b"before")
    private_kafka.kill()
    private_kafka.start()
    assert values(private_kafka.address, topic, 1) == [b"before"]


# --- RabbitMQ


def connection(address: str) -> BlockingConnection:
    host, _, port = address.rpartition(":")
    return BlockingConnection(ConnectionParameters(host, int(port)))


def publish(address: str, exchange: str, key: str, body: bytes) -> None:
    with connection(address) as client:
        channel = client.channel()
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, body, BasicProperties(delivery_mode=2), mandatory=True)


def bodies(address: str, queue: str, count: int) -> list[bytes]:
    with connection(address) as client:
        channel = client.channel()
        return [body for _, _, body in islice(channel.consume(queue, auto_ack=True, inactivity_timeout=WAIT), count)]


def test_a_message_goes_through_rabbitmq(rabbitmq: RabbitMQ, queues: Callable[[], str]) -> None:
    queue, other = queues(), queues()
    publish(rabbitmq.address, "", queue, b"one")
    assert (rabbitmq.depth(queue), rabbitmq.depth(other)) == (1, 0)
    assert bodies(rabbitmq.address, queue, 1) == [b"one"]


def test_queues_and_exchanges_are_made_as_asked_for(rabbitmq: RabbitMQ) -> None:
    dead = rabbitmq.queue()
    queue = rabbitmq.queue({"x-message-ttl": 0, "x-dead-letter-exchange": rabbitmq.exchange("fanout", [dead])})
    publish(rabbitmq.address, rabbitmq.exchange("direct", [queue], "orders"), "orders", b"one")
    assert bodies(rabbitmq.address, dead, 1) == [b"one"]


def test_the_shared_rabbitmq_cannot_be_stopped(rabbitmq: RabbitMQ) -> None:
    with pytest.raises(RuntimeError, match="private_rabbitmq"):
        rabbitmq.kill()


def test_a_private_rabbitmq_comes_back_with_its_data(private_rabbitmq: RabbitMQ) -> None:
    address, queue = private_rabbitmq.address, private_rabbitmq.queue()
    publish(address, "", queue, b"before")
    private_rabbitmq.stop()
    private_rabbitmq.start()
    assert private_rabbitmq.address == address
    publish(address, "", queue, b"after a stop")
    private_rabbitmq.kill()
    private_rabbitmq.start()
    publish(address, "", queue, b"after a crash")
    assert bodies(address, queue, 3) == [b"before", b"after a stop", b"after a crash"]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
@pytest.mark.parametrize("end", ["close", "kill"])
def test_rabbitmq_leaves_no_port_mapper(tmp_path: Path, rabbitmq: RabbitMQ, end: str) -> None:
    with private(RabbitMQServer, tmp_path) as server:
        (keeper,) = keepers(tmp_path)
        (node,) = children(keeper)
        (mapper,) = (child for child in children(node) if name(child) == "epmd")
        if end == "kill":
            server.kill()
            poll(lambda: gone(mapper) or None, WAIT, "the port mapper to end")
    poll(lambda: gone(mapper) or None, WAIT, "the port mapper to end")


# --- Jaeger


def tracer(jaeger: Jaeger, service: str) -> Tracer:
    provider = TracerProvider(resource=Resource({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{jaeger.otlp_http}/v1/traces")))
    return provider.get_tracer("tests")


@pytest.fixture
def trace_id(jaeger: Jaeger) -> str:
    """A trace of a shop that sends to a payments service, which fails."""
    sent = tracer(jaeger, "shop").start_span("send orders", kind=SpanKind.PRODUCER, attributes={"offset": 7})
    handled = tracer(jaeger, "payments").start_span(
        "process orders",
        context=set_span_in_context(sent),
        kind=SpanKind.CONSUMER,
        links=[Link(sent.get_span_context(), {"tags": ["a", "b"]})],
    )
    handled.record_exception(ValueError("no such card"))
    handled.set_status(StatusCode.ERROR, "declined")
    handled.end()
    sent.end()
    return format(sent.get_span_context().trace_id, "032x")


def test_spans_come_back_from_jaeger(jaeger: Jaeger, trace_id: str) -> None:
    sent, handled = jaeger.wait_for(trace_id, 2)
    assert (sent.service, sent.name, sent.kind, sent.parent_id) == ("shop", "send orders", "PRODUCER", "")
    assert (sent.trace_id, sent.attributes, sent.error, sent.warnings) == (trace_id, {"offset": 7}, False, ())
    assert (handled.service, handled.kind, handled.parent_id) == ("payments", "CONSUMER", sent.span_id)
    assert (handled.error, handled.message) == (True, "declined")
    assert sent.start < handled.start < handled.end < sent.end


def test_links_and_events_come_back_from_jaeger(jaeger: Jaeger, trace_id: str) -> None:
    sent, handled = jaeger.wait_for(trace_id, 2)
    (link,), (event,) = handled.links, handled.events
    assert (link.trace_id, link.span_id, link.attributes) == (trace_id, sent.span_id, {"tags": ["a", "b"]})
    assert (event.name, event.attributes["exception.message"]) == ("exception", "no such card")


def test_jaeger_finds_traces_by_service_and_time(jaeger: Jaeger, trace_id: str) -> None:
    jaeger.wait_for(trace_id, 2)
    now = datetime.now(timezone.utc)
    hour = timedelta(hours=1)
    assert {"shop", "payments"} <= jaeger.services()
    assert trace_id in {span.trace_id for span in jaeger.find("payments", now - hour, now)}
    assert jaeger.find("payments", now - 2 * hour, now - hour) == []


def test_waiting_for_too_many_spans_tells_those_there_are(jaeger: Jaeger, trace_id: str) -> None:
    jaeger.wait_for(trace_id, 2)
    with pytest.raises(TimeoutError, match="there are 2: shop: send orders, payments: process orders"):
        jaeger.wait_for(trace_id, 3, timeout=0.1)
    assert jaeger.trace("1" * 32) == []


# --- A run of pytest of its own, with the same fixtures


TWO = """
import os, pathlib, pytest, time

@pytest.mark.parametrize("number", range(2))
def test_it(jaeger, number):
    folder = pathlib.Path(os.environ["SEEN"])
    (folder / os.environ["PYTEST_XDIST_WORKER"]).write_text(jaeger.query)
    deadline = time.monotonic() + 30
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
"""
HANG = """
import os, pathlib, time

def test_it(jaeger):
    pathlib.Path(os.environ["SEEN"], "ready").write_text("")
    time.sleep(100)
"""


class Run:
    """A run of pytest in a folder, on a test file that takes this folder's fixtures."""

    def __init__(self, folder: Path, source: str) -> None:
        self.folder = folder
        self.seen = folder / "seen"
        self.seen.mkdir()
        (folder / "test_it.py").write_text(source)
        (folder / "conftest.py").write_text((TESTS / "conftest.py").read_text())

    def command(self, *arguments: str) -> list[str]:
        temporary = f"--basetemp={self.folder / 'temporary'}"
        return [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", temporary, *arguments]

    def environ(self, **changes: str) -> dict[str, str]:
        foreign = ("PYTEST_", "OTEL_EDA_TEST_", "CI")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        return {**kept, "PYTHONPATH": str(TESTS), "SEEN": str(self.seen), **changes}

    def finish(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environ(**changes),
            capture_output=True,
            text=True,
            timeout=2 * WAIT,
            check=False,
        )


def keepers(folder: Path) -> list[int]:
    """The processes that keep a server in that folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has ended
            continue
        if any("keeper.py" in part for part in command) and any(str(folder) in part for part in command):
            found.append(int(process.name))
    return found


def test_workers_share_one_server_that_ends_with_them(tmp_path: Path, jaeger: Jaeger) -> None:
    run = Run(tmp_path, TWO)
    done = run.finish("-n2")
    assert done.returncode == 0, done.stdout
    assert {file.name for file in run.seen.iterdir()} == {"gw0", "gw1"}
    assert len({file.read_text() for file in run.seen.iterdir()}) == 1
    poll(lambda: not keepers(tmp_path) or None, WAIT, "the keeper to end")


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
@pytest.mark.parametrize("victim", ["pytest", "keeper"])
def test_nothing_is_left_when_a_process_is_killed(tmp_path: Path, jaeger: Jaeger, victim: str) -> None:
    run = Run(tmp_path, HANG)
    with subprocess.Popen(
        run.command(), cwd=tmp_path, env=run.environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as tests:
        try:
            poll(lambda: (run.seen / "ready").exists() or None, WAIT, "the test to run")
            (keeper,) = keepers(tmp_path)
            (server,) = children(keeper)
            os.kill(tests.pid if victim == "pytest" else keeper, signal.SIGKILL)
            poll(lambda: gone(server) or None, WAIT, "the server to end")
        finally:
            tests.kill()


IN_C = """
import itertools, pytest

@pytest.mark.timeout(1)
def test_it():
    sum(itertools.repeat(0))
"""
AT_THE_END = """
import threading, time

def test_it():
    threading.Thread(target=time.sleep, args=(300,)).start()
"""


@pytest.mark.parametrize("source", [IN_C, AT_THE_END], ids=["in C", "at the end"])
def test_a_run_that_hangs_is_ended(tmp_path: Path, source: str) -> None:
    run = Run(tmp_path, source)
    conftest = tmp_path / "conftest.py"
    conftest.write_text(re.sub("GRACE = [0-9.]+", "GRACE = 2.0", conftest.read_text()))
    done = run.finish()
    assert done.returncode == 1
    assert "most recent call first" in done.stderr


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [({}, "SKIPPED [1]"), ({"CI": "1"}, "1 error")],
    ids=["locally", "in CI"],
)
@pytest.mark.parametrize(
    ("part", "line"),
    [
        ("kafka", "`java` is not on the PATH: apt-get install openjdk-17-jdk-headless maven"),
        ("rabbitmq", "`erl` is not on the PATH: apt-get install rabbitmq-server"),
        ("jaeger", "`go` is not on the PATH: unpack Go 1.26 or newer from https://go.dev/dl into /usr/local"),
    ],
)
def test_a_missing_tool_gives_one_line(
    tmp_path: Path, part: str, line: str, changes: dict[str, str], outcome: str
) -> None:
    nothing = {"PATH": "", "OTEL_EDA_CACHE": str(tmp_path / "cache")}
    done = Run(tmp_path, f"def test_it({part}):\n    pass\n").finish(**nothing, **changes)
    assert line in done.stdout
    assert outcome in done.stdout


def test_a_server_that_runs_already_is_used(tmp_path: Path, jaeger: Jaeger) -> None:
    source = f"def test_it(jaeger):\n    assert jaeger.query == {json.dumps(jaeger.query)}\n"
    done = Run(tmp_path, source).finish(OTEL_EDA_TEST_JAEGER=jaeger.query, PATH="")
    assert done.returncode == 0, done.stdout


# --- The cache


def test_a_build_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EDA_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "source"
    source.write_text("1")
    builds: list[Path] = []
    first = cache.built("part", [source], builds.append)
    assert cache.built("part", [source], builds.append) == first
    source.write_text("2")
    assert cache.built("part", [source], builds.append) != first
    assert len(builds) == 2


def test_a_failed_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EDA_CACHE", str(tmp_path / "cache"))

    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 (raised above)
        cache.built("part", [Path(__file__)], fail)
    assert [path.name for path in cache.home().iterdir()] == ["part.lock"]
