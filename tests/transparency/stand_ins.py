"""What the libraries' own tests take for granted, and find here in another way: containers, a broker's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokers import kafka

if TYPE_CHECKING:
    from collections.abc import Mapping

# In the place of its client for Docker: the broker that its tests are to have runs already.
DOCKER = """
import os
from dataclasses import dataclass

class DockerNotAvailableError(Exception): pass
class DockerHostInfo: pass

@dataclass
class ContainerInfo:
    id: str
    ports: dict
    host: str

class DockerClient:
    def __init__(self, info): pass
    def run(self, image, ports, environment=None):
        host, _, port = os.environ["BROKER"].rpartition(":")
        return ContainerInfo("", {name: int(port) for name in ports}, host)
    def kill(self, container): pass
    def remove(self, container): pass

def check_docker_available():
    return DockerHostInfo()
"""


def partitioned(count: int, **settings: object) -> type[kafka.KafkaServer]:
    """Give a kind of broker whose topics have so many partitions, with other settings (`_` for `.`)."""

    class Partitioned(kafka.KafkaServer):
        def _config(self) -> Mapping[str, object]:
            return {
                **super()._config(),
                "num.partitions": count,
                **{name.replace("_", "."): value for name, value in settings.items()},
            }

    return Partitioned


# At the end of aiokafka's conftest.py, in the place of its fixtures for a container.
AIOKAFKA = """


@pytest.fixture(scope="session")
def docker():
    return None


@pytest.fixture(scope="session")
def ssl_folder():
    return pathlib.Path("tests/ssl_cert")


@pytest.fixture(scope="class")
def kerberos_utils():
    return None


@pytest.fixture(scope="session")
def kafka_server():
    host, _, port = os.environ["BROKER"].rpartition(":")
    return KafkaServer(host, int(port), 0, 0, 0, None)
"""
