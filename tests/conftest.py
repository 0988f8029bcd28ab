from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import traceback
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest
from brokers import collector as collector_
from brokers import exporter as exporter_
from brokers import jaeger as jaeger_
from brokers import kafka as kafka_
from brokers import postgresql as postgresql_
from brokers import prometheus as prometheus_
from brokers import rabbitmq as rabbitmq_
from brokers.collector import CollectorServer
from brokers.jaeger import JaegerServer
from brokers.kafka import Kafka, KafkaServer
from brokers.loopback import Loopback
from brokers.postgresql import PostgreSQLServer
from brokers.prometheus import PrometheusServer
from brokers.rabbitmq import RabbitMQ, RabbitMQServer
from brokers.service import Service, private, shared
from brokers.tools import BuildError, MissingError
from hypothesis import HealthCheck, settings
from support.parts import available

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from contextlib import AbstractContextManager

    from brokers.jaeger import Jaeger
    from brokers.prometheus import Prometheus

T = TypeVar("T")
S = TypeVar("S", bound=Service)

# A busy machine is no failure.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

# For `bench`; at the end, since it is the installed otel_eda that is tested.
sys.path.append(str(Path(__file__).parents[1]))

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

LONG = ("transparency", "faults", "faultlab", "examples", "live", "serve")  # the folders whose tests take longest


def pytest_configure(config: pytest.Config) -> None:
    """Take interrupts again: a run in the background has them ignored, and so would all that the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[STDERR] = os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process also if threads that a test has left do not let it end."""
    faulthandler.dump_traceback_later(GRACE, exit=True, file=config.stash[STDERR])


def common(kind: type[S], client: Callable[[S], T]) -> Any:
    """Return a fixture of one server for all tests of a run, those of other workers too."""
    name = kind.name

    @pytest.fixture(scope="session", name=name)
    def fixture(servers: Path, logs: dict[str, Service]) -> Iterator[T]:
        running = EXTERNAL[name]()
        if running is not None:
            yield running
            return
        available(NEEDS[name])
        with shared(kind, servers) as server:
            logs[name] = server
            yield client(server)

    return fixture


@contextmanager
def own(name: str, kind: Callable[[Path], S], folder: Path, logs: dict[str, Service]) -> Iterator[S]:
    """Have a server of the test's own for the length of the block."""
    available(NEEDS[name])
    with private(kind, folder) as server:
        logs[name] = server
        yield server


@pytest.fixture
def own_server(logs: dict[str, Service]) -> Callable[..., AbstractContextManager[Any]]:
    """Have `own` where its logs are not at hand."""
    return partial(own, logs=logs)


kafka = common(KafkaServer, lambda server: Kafka(server.address))
rabbitmq = common(RabbitMQServer, lambda server: RabbitMQ(server.address))
jaeger = common(JaegerServer, JaegerServer.client)
postgresql = common(PostgreSQLServer, lambda server: server.url)


@pytest.fixture
def private_kafka(tmp_path_factory: pytest.TempPathFactory, logs: dict[str, Service]) -> Iterator[Kafka]:
    """A Kafka of the test's own, which it may stop, kill and start again."""
    with own("private_kafka", KafkaServer, tmp_path_factory.mktemp("kafka"), logs) as server:
        yield Kafka(server.address, server)


@pytest.fixture
def private_rabbitmq(tmp_path_factory: pytest.TempPathFactory, logs: dict[str, Service]) -> Iterator[RabbitMQ]:
    """A RabbitMQ of the test's own, which it may stop, kill and start again."""
    with own("private_rabbitmq", RabbitMQServer, tmp_path_factory.mktemp("rabbitmq"), logs) as server:
        yield RabbitMQ(server.address, server)


@pytest.fixture
def collector(
    tmp_path_factory: pytest.TempPathFactory, jaeger: Jaeger, logs: dict[str, Service]
) -> Iterator[CollectorServer]:
    """A collector of the test's own, which sends to the shared Jaeger."""
    kind = partial(CollectorServer, jaeger=jaeger.otlp_grpc)
    with own("collector", kind, tmp_path_factory.mktemp("collector"), logs) as server:
        yield server


@pytest.fixture
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, collector: CollectorServer, logs: dict[str, Service]
) -> Iterator[Prometheus]:
    """A Prometheus of the test's own, which scrapes its collector."""
    kind = partial(PrometheusServer, addresses=collector.addresses)
    with own("prometheus", kind, tmp_path_factory.mktemp("prometheus"), logs) as server:
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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the longest tests begin first: at the end, the other workers would wait for the one that has them."""
    rank = {folder: place for place, folder in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.parent.name, len(rank)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the chosen tests need before the first one's time starts to run."""
    if session.config.option.collectonly:
        return
    gc.collect()
    gc.freeze()  # else each collection that a test asks for looks at every module and test there is
    names = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    capture = session.config.pluginmanager.getplugin("capturemanager")
    for part in {part for name, part in NEEDS.items() if name in names and not EXTERNAL.get(name, bool)()}:
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
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the servers that a failed test used complain of, and where their logs are."""
    report = yield
    if call.excinfo is not None:  # what the test has in hand, such as consumers, would be measured in later tests
        traceback.clear_frames(call.excinfo.tb)
    if report.failed:
        for name, server in item.config.stash.get(SERVERS, {}).items():
            if name in getattr(item, "fixturenames", ()):
                report.sections.append((f"{name}'s log", server.complaints()))
    return report


# What each fixture takes: to be built or installed; and where one that runs already may be used, how to find it.
NEEDS: dict[str, Callable[[], Path]] = {
    "kafka": kafka_.classes,
    "private_kafka": kafka_.classes,
    "rabbitmq": rabbitmq_.program,
    "private_rabbitmq": rabbitmq_.program,
    "jaeger": jaeger_.binary,
    "postgresql": postgresql_.program,
    "collector": collector_.binary,
    "exporter": exporter_.binary,
    "prometheus": prometheus_.program,
}
EXTERNAL: dict[str, Callable[[], Any]] = {
    "kafka": kafka_.external,
    "rabbitmq": rabbitmq_.external,
    "jaeger": jaeger_.external,
    "postgresql": postgresql_.external,
}
