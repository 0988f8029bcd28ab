"""The clients whose own tests are run, and what those need of a machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from brokers import kafka, rabbitmq

from transparency.stand_ins import AIOKAFKA, DOCKER, partitioned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Needed:
    """A broker that tests use: how to find out whether this machine can start one, and what to start."""

    part: Callable[[], object]
    kind: Callable[[Path], kafka.KafkaServer | rabbitmq.RabbitMQServer]
    given: str  # the variable with the address of one that runs already


@dataclass(frozen=True)
class Client:
    """A client's tests. `prepare` tells them of a broker, and gives what is to be in the environment."""

    repository: str
    needs: tuple[str, ...] = ()
    tests: str = "tests"
    omitted: str = ""  # a folder that would hide the installed library
    options: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)  # files, and what they need
    broker: Needed | None = None
    prepare: Callable[[Path, str], Mapping[str, str]] | None = None
    sees_headers: tuple[str, ...] = ()  # ends of names of tests that look at what an application may notice of us
    patience: float = 600.0  # seconds for one run


def kafka_(partitions: int, **settings: object) -> Needed:
    return Needed(kafka.classes, partitioned(partitions, **settings), "OTEL_EDA_TEST_KAFKA")


RABBITMQ = Needed(rabbitmq.program, rabbitmq.RabbitMQServer, "OTEL_EDA_TEST_RABBITMQ")
ASYNC = ("-o", "asyncio_default_fixture_loop_scope=function")


def kafka_python(folder: Path, address: str) -> Mapping[str, str]:
    return {"KAFKA_VERSION": "4.3.0", "KAFKA_ROOT": str(folder), "KAFKA_URI": f"kafka://{address}"}


def aiokafka(folder: Path, address: str) -> Mapping[str, str]:
    with (folder / "tests" / "conftest.py").open("a") as conftest:
        conftest.write(AIOKAFKA)
    return {"BROKER": address}


def aio_pika(folder: Path, address: str) -> Mapping[str, str]:
    (folder / "tests" / "docker_client.py").write_text(DOCKER)
    return {"BROKER": address}


def pika(folder: Path, address: str) -> Mapping[str, str]:
    """Have its tests, which know of no other broker than the one at the usual port, connect to this one."""
    _, _, port = address.rpartition(":")
    for file in ("base/async_test_base.py", "acceptance/blocking_adapter_test.py", "misc/forward_server.py"):
        path = folder / "tests" / file
        path.write_text(path.read_text("utf-8").replace("5672", port), "utf-8")
    return {}


def confluent_kafka(_: Path, address: str) -> Mapping[str, str]:
    return {"BROKERS": address}


SHARES = {"group_share_record_lock_duration_ms": 1000, "group_share_min_record_lock_duration_ms": 1000}
REGISTRY = "a Schema Registry"
SASL = "a broker with SASL"
CLIENTS = {
    "blinker": Client("pallets-eco/blinker", ("pytest-asyncio",), options=ASYNC),
    "pyee": Client(
        "jfhbrook/pyee", ("pytest-asyncio", "pytest-trio", "trio", "twisted"), omitted="pyee", options=ASYNC
    ),
    "pika": Client(
        "pika/pika",
        ("gevent", "tornado", "twisted"),
        omitted="pika",
        broker=RABBITMQ,
        prepare=pika,
        sees_headers=(
            "tests/acceptance/blocking_adapter_test.py::TestBasicGet::test",
            "tests/acceptance/blocking_adapter_test.py::TestBasicPublishWithoutPubacks::test",
            "tests/acceptance/blocking_adapter_test.py::TestPublishAndBasicPublishWithPubacksUnroutable::test",
            "tests/acceptance/blocking_adapter_test.py::TestPublishAndConsumeWithPubacksAndQosOfOne::test",
            "tests/unit/channel_tests.py::ChannelTests::test_basic_publish_send_method_request",
        ),
        patience=1200,
    ),
    "pyzmq": Client(
        "zeromq/pyzmq",
        ("pytest-asyncio", "pytest-rerunfailures", "tornado", "cython", "setuptools", "pymongo", "gevent", "numpy"),
        omitted="zmq",
        options=ASYNC,
        left_out={"tests/test_mypy.py": "no installed library, but its sources"},
    ),
    "kafka-python": Client(
        "dpkp/kafka-python",
        ("crc32c", "lz4", "py", "pytest-mock", "python-snappy", "xxhash", "zstandard"),
        tests="test",
        omitted="kafka",
        broker=kafka_(4),
        prepare=kafka_python,
        sees_headers=("test/integration/test_producer_integration.py::test_kafka_producer_proper_record_metadata",),
        patience=1200,
    ),
    "aiokafka": Client(
        "aio-libs/aiokafka",
        ("async-timeout", "cramjam", "docker", "pytest-asyncio", "pytest-mock", "pytest<9.1"),
        omitted="aiokafka",
        options=("--docker-image=kafka:4.3.0", *ASYNC),
        broker=kafka_(2),
        prepare=aiokafka,
        sees_headers=("::test_consumer_with_headers",),
        patience=2400,
    ),
    "aio-pika": Client(
        "mosquito/aio-pika",
        ("aiomisc", "aiomisc-pytest", "shortuuid", "timeout-decorator"),
        omitted="aio_pika",
        options=("-o", "log_cli=false"),
        left_out={"tests/test_amqps.py": "a broker with certificates"},
        broker=RABBITMQ,
        prepare=aio_pika,
        sees_headers=("::test_incoming_message_info",),
        patience=2400,
    ),
    "confluent-kafka": Client(
        "confluentinc/confluent-kafka-python",
        ("--requirement=requirements/requirements-tests-install.txt", "google-crc32c", "orjson"),
        options=("--timeout=120",),
        left_out={
            "tests/ducktape": "a cluster that ducktape starts",
            "tests/integration/admin/test_describe_operations.py": SASL,
            "tests/integration/integration_test.py": REGISTRY,
            "tests/integration/schema_registry": REGISTRY,
            "tests/integration/serialization": REGISTRY,
            "tests/integration/share_consumer_oauth": "a broker with OAuth",
            "tests/integration/share_consumer_sasl": SASL,
            "tests/soak": "hours",
        },
        broker=kafka_(4, **SHARES),
        prepare=confluent_kafka,
        sees_headers=("::test_message_fields_preserved", "::test_header_order_preserved"),
        patience=3600,
    ),
}
