"""aio-pika's own tests, on a real broker that is no container: test by test the same with and without us."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from brokers import rabbitmq as rabbitmq_
from brokers.service import private
from support.parts import available

from transparency.sources import packages, source
from transparency.stand_ins import DOCKER
from transparency.suites import PLUGIN, Suite, both, differing, unequal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEEDS = ("aiomisc", "aiomisc-pytest", "shortuuid")
ENOUGH = 90  # tests that pass, and 100 spans of each kind, at the least: else nothing is shown
OPTIONS = ("-o", "log_cli=false", "-k", "connect_robust")
# Of its files those about messages, and of their two kinds of connections the robust one: each test takes memory
# snapshots, and all of them take minutes. Two need more than a broker: certificates, and one to restart.
TESTS = (
    "tests/test_amqp.py::TestCaseAmqp",
    *(f"tests/test_{name}.py" for name in ("json_rpc", "master", "nowait", "queue_iterator_close", "rpc")),
)
# It compares a message's headers, which are the one thing that an application may notice of us.
SEES_HEADERS = "tests/test_amqp.py::TestCaseAmqp::test_incoming_message_info"


class AioPikaSuite(Suite):
    """Its tests, with the address of a broker in the place of Docker's."""

    def __init__(self, folder: Path, address: str, plugin: tuple[str, ...]) -> None:
        super().__init__(folder, available(lambda: source("aio-pika", version("aio-pika"))), "tests", plugin)
        (self.folder / "tests" / "docker_client.py").write_text(DOCKER)
        (self.folder / "aio_pika").rename(self.folder / "aio_pika-omitted")  # it would hide the installed library
        needed = available(lambda: packages("aio-pika", NEEDS))
        self.environ |= {"BROKER": address}
        self.environ["PYTHONPATH"] += f"{os.pathsep}{needed}"


@pytest.fixture
def suites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Suite, Suite]]:
    """The suite without us and with us, at a broker of their own: their names there are random."""
    available(rabbitmq_.program)
    with private(rabbitmq_.RabbitMQServer, tmp_path_factory.mktemp("rabbitmq")) as server:
        bare, instrumented = (
            AioPikaSuite(tmp_path_factory.mktemp("suite"), server.address, (*OPTIONS, *plugin))
            for plugin in ((), PLUGIN)
        )
        yield bare, instrumented


@pytest.mark.timeout(600)
def test_tests_come_out_the_same(suites: tuple[Suite, Suite]) -> None:
    bare, instrumented = both(suites, TESTS)
    assert bare.keys() == instrumented.keys()
    assert list(bare.values()).count("passed") > ENOUGH
    ended = suites[1].ended()
    assert min(ended.get(operation, 0) for operation in ("send", "process", "settle")) > ENOUGH, ended
    # Some depend on the time that things take: what differs has another chance, by itself.
    different = differing(suites, unequal(bare, instrumented))
    assert {name.partition("[")[0] for name in different} <= {SEES_HEADERS}
    suites[1].environ["OTEL_PROPAGATORS"] = "none"
    assert not differing(suites, different)
