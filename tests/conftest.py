from __future__ import annotations

import faulthandler
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from brokers import collector as collector_
from brokers import jaeger as jaeger_
from brokers import kafka as kafka_
from brokers import postgresql as postgresql_
from brokers import prometheus as prometheus_
from brokers import rabbitmq as rabbitmq_
from brokers.loopback import Loopback
from brokers.service import Service, private, shared
from brokers.tools import BuildError, MissingError
from hypothesis import HealthCheck, settings
from support.parts import available

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

    from brokers.collector import CollectorServer
    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from brokers.prometheus import Prometheus
    from brokers.rabbitmq import RabbitMQ

# A busy machine is no failure.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

# The server behind each fixture that has one, for its log.
SERVERS = pytest.StashKey[dict[str, Service]]()


class Topics(Protocol):
    """Makes topics on the shared Kafka and gives their names."""

    def __call__(self, partitions: int = 1) -> str: ...


class Queues(Protocol):
    """Makes queues on the shared RabbitMQ and gives their names."""

    def __call__(self, arguments: Mapping[str, Any] | None = None) -> str: ...


# Where a process that hangs says so: the standard error of the run, which no test captures.
STDERR = pytest.StashKey[int]()
GRACE = 60.0  # seconds after a test's time limit


def pytest_configure(config: pytest.Config) -> None:
    """Take interrupts again: a run in the background has them ignored, and so would all that the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[STDERR] = os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process also if threads that a test has left do not let it end."""
    faulthandler.dump_traceback_later(GRACE, exit=True, file=config.stash[STDERR])


@pytest.fixture(scope="session")
def kafka(servers: Path, logs: dict[str, Service]) -> Iterator[Kafka]:
    """One Kafka for all tests of a run, those of other workers too."""
    address = kafka_.external()
    if address:
        yield kafka_.Kafka(address)
        return
    available(kafka_.libraries)
    with shared(kafka_.KafkaServer, servers) as server:
        logs["kafka"] = server
        yield kafka_.Kafka(server.address)


@pytest.fixture
def private_kafka(tmp_path_factory: pytest.TempPathFactory, logs: dict[str, Service]) -> Iterator[Kafka]:
    """A Kafka of the test's own, which it may stop, kill and start again."""
    available(kafka_.libraries)
    with private(kafka_.KafkaServer, tmp_path_factory.mktemp("kafka")) as server:
        logs["private_kafka"] = server
        yield kafka_.Kafka(server.address, server)


@pytest.fixture(scope="session")
def rabbitmq(servers: Path, logs: dict[str, Service]) -> Iterator[RabbitMQ]:
    """One RabbitMQ for all tests of a run, those of other workers too."""
    address = rabbitmq_.external()
    if address:
        yield rabbitmq_.RabbitMQ(address)
        return
    available(rabbitmq_.program)
    with shared(rabbitmq_.RabbitMQServer, servers) as server:
        logs["rabbitmq"] = server
        yield rabbitmq_.RabbitMQ(server.address)


@pytest.fixture
def private_rabbitmq(tmp_path_factory: pytest.TempPathFactory, logs: dict[str, Service]) -> Iterator[RabbitMQ]:
    """A RabbitMQ of the test's own, which it may stop, kill and start again."""
    available(rabbitmq_.program)
    with private(rabbitmq_.RabbitMQServer, tmp_path_factory.mktemp("rabbitmq")) as server:
        logs["private_rabbitmq"] = server
        yield rabbitmq_.RabbitMQ(server.address, server)


@pytest.fixture(scope="session")
def jaeger(servers: Path, logs: dict[str, Service]) -> Iterator[Jaeger]:
    """One Jaeger for all tests of a run, those of other workers too."""
    running = jaeger_.external()
    if running:
        yield running
        return
    available(jaeger_.binary)
    with shared(jaeger_.JaegerServer, servers) as server:
        logs["jaeger"] = server
        yield server.client()


@pytest.fixture(scope="session")
def postgresql(servers: Path, logs: dict[str, Service]) -> Iterator[str]:
    """The URL of one PostgreSQL for all tests of a run, those of other workers too."""
    url = postgresql_.external()
    if url:
        yield url
        return
    available(postgresql_.program)
    with shared(postgresql_.PostgreSQLServer, servers) as server:
        logs["postgresql"] = server
        yield server.url


@pytest.fixture
def collector(
    tmp_path_factory: pytest.TempPathFactory, jaeger: Jaeger, logs: dict[str, Service]
) -> Iterator[CollectorServer]:
    """A collector of the test's own, which sends to the shared Jaeger."""
    made = partial(collector_.CollectorServer, jaeger=jaeger.otlp_grpc)
    available(collector_.binary)
    with private(made, tmp_path_factory.mktemp("collector")) as server:
        logs["collector"] = server
        yield server


@pytest.fixture
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, collector: CollectorServer, logs: dict[str, Service]
) -> Iterator[Prometheus]:
    """A Prometheus of the test's own, which scrapes its collector."""
    made = partial(prometheus_.PrometheusServer, addresses=collector.addresses)
    available(prometheus_.program)
    with private(made, tmp_path_factory.mktemp("prometheus")) as server:
        logs["prometheus"] = server
        yield server.client()


@pytest.fixture
def topic(kafka: Kafka) -> str:
    """A new topic with one partition on the shared Kafka."""
    return kafka.topic()


@pytest.fixture
def topics(kafka: Kafka) -> Topics:
    """Make new topics on the shared Kafka."""
    return kafka.topic


@pytest.fixture
def queues(rabbitmq: RabbitMQ) -> Queues:
    """Make new queues on the shared RabbitMQ."""
    return rabbitmq.queue


@pytest.fixture(scope="session")
def loopback() -> Loopback:
    """Addresses of this machine, for libraries without a broker."""
    return Loopback()


@pytest.fixture
def endpoints(loopback: Loopback) -> Callable[[], str]:
    """Make new endpoints."""
    return loopback.endpoint


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the workers of this run find what they share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "servers"


@pytest.fixture(scope="session")
def logs(pytestconfig: pytest.Config) -> dict[str, Service]:
    return pytestconfig.stash.setdefault(SERVERS, {})


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the chosen tests need before the first one's time starts to run."""
    if session.config.option.collectonly:
        return
    names = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    capture = session.config.pluginmanager.getplugin("capturemanager")
    for part in {part for name, part in PARTS.items() if name in names and not EXTERNAL[name]()}:
        # What is wrong is told by the fixture, to each test that needs it.
        with capture.global_and_fixture_disabled(), suppress(MissingError, BuildError):
            part()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """End the process of a test that its time limit does not end: in C, or clearing up after a failure."""
    marker = item.get_closest_marker("timeout")
    limit = marker.args[0] if marker else float(item.config.getini("timeout") or 120)
    faulthandler.dump_traceback_later(limit + GRACE, exit=True, file=item.config.stash[STDERR])
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


pytest_runtest_call = pytest_runtest_teardown = pytest_runtest_setup


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the servers that a failed test used complain of, and where their logs are."""
    report = yield
    if report.failed:
        for name, server in item.config.stash.get(SERVERS, {}).items():
            if name in getattr(item, "fixturenames", ()):
                report.sections.append((f"{name}'s log", server.complaints()))
    return report


PARTS: dict[str, Callable[[], Path]] = {
    "kafka": kafka_.libraries,
    "private_kafka": kafka_.libraries,
    "rabbitmq": rabbitmq_.program,
    "private_rabbitmq": rabbitmq_.program,
    "jaeger": jaeger_.binary,
    "postgresql": postgresql_.program,
    "collector": collector_.binary,
    "prometheus": prometheus_.program,
}
EXTERNAL: dict[str, Callable[[], object]] = {
    "kafka": kafka_.external,
    "private_kafka": lambda: None,
    "rabbitmq": rabbitmq_.external,
    "private_rabbitmq": lambda: None,
    "jaeger": jaeger_.external,
    "postgresql": postgresql_.external,
    "collector": lambda: None,
    "prometheus": lambda: None,
}
