"""Apache Kafka: one node in KRaft mode, broker and controller in one process."""

from __future__ import annotations

import base64
import os
import socket
import struct
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from . import cache, tools
from .service import HOST, Broker, Service, poll, private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confluent_kafka.admin import AdminClient

POM = Path(__file__).parent / "kafka" / "pom.xml"
LOGGING = POM.with_name("log4j2.properties")
WAIT = 30.0  # seconds
# FindCoordinator v0 for the group "tests", correlation id 7, no client id: the first such request has the topic of
# offsets made, and it fails until that topic has its leader. Clients log that failure, and it delays their first group.
PROBE = struct.pack(">ihhihh5s", 17, 10, 0, 7, -1, 5, b"tests")
ANSWER = struct.Struct(">iih")  # size, correlation id, error


class Kafka(Broker):
    """A broker and what the tests make on it."""

    def topic(self, partitions: int = 1, name: str | None = None, **config: str) -> str:
        """Make a topic, with a name of its own if none is given, and return when its partitions have their leader."""
        # By librdkafka, which none of our adapters sees: what a test counts is the test's alone.
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        name = name or f"topic-{uuid.uuid4().hex[:12]}"
        client = AdminClient({"bootstrap.servers": self.address})
        client.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(WAIT)
        poll(lambda: _led(client, name) == partitions or None, WAIT, f"{name} to have its leaders")
        return name

    def trim(self, topic: str, offset: int) -> None:
        """Have the broker throw out what is before an offset of partition 0, as its retention would."""
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import TopicPartition

        at = TopicPartition(topic, 0, offset)
        client = AdminClient({"bootstrap.servers": self.address})
        client.delete_records([at])[at].result(WAIT)


class KafkaServer(Service):
    """The process of a broker."""

    name = "kafka"
    listeners = 2

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"{HOST}:{self.ports[0]}"

    def prepare(self) -> list[str]:
        """Format its storage, the first time."""
        java = [tools.tool("java"), *JVM, self._classes(), "-cp", f"{libraries()}/*"]
        config = self.folder / "server.properties"
        if not self.data.exists():
            config.write_text("".join(f"{key}={value}\n" for key, value in self._config().items()))
            format_ = ["kafka.tools.StorageTool", "format", f"--cluster-id={self.cluster}", f"--config={config}"]
            tools.run([*java, *format_], self.folder)
        return [*java, f"-Dlog4j2.configurationFile={LOGGING}", "kafka.Kafka", str(config)]

    def _classes(self) -> str:
        return f"-XX:SharedArchiveFile={classes() / ARCHIVE}"

    def ready(self) -> bool:
        """Tell whether it serves requests."""
        return answers(HOST, self.ports[0])

    def _config(self) -> Mapping[str, object]:
        client, controller = self.ports[:2]
        return {
            "listeners": f"PLAINTEXT://{HOST}:{client},CONTROLLER://{HOST}:{controller}",
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "log.dirs": self.data,
            **CONFIG,
        }


class _Archiving(KafkaServer):
    """A broker that leaves the classes that it has loaded, when it ends in good order."""

    def _classes(self) -> str:
        return f"-XX:ArchiveClassesAtExit={self.folder / ARCHIVE}"


ARCHIVE = "classes.jsa"
JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
CONFIG = {
    "node.id": 1,
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "broker.heartbeat.interval.ms": 1000,
    "broker.session.timeout.ms": 4000,  # a broker that crashed may come back only after that
    "group.min.session.timeout.ms": 1000,  # so that a dead member is missed soon
    "group.initial.rebalance.delay.ms": 0,  # else the first poll of every group takes three seconds
}


def external() -> Kafka | None:
    """Return the broker that runs already, or None if there is none to use."""
    address = os.environ.get("OTEL_EDA_TEST_KAFKA")
    return Kafka(address) if address else None


def libraries() -> Path:
    """Give the folder of Kafka's jars; fetched by Maven the first time."""
    tools.tool("java")  # they are of no use without
    return cache.built("kafka", [POM], _fetch)


def classes() -> Path:
    """Give the folder of the archive of Kafka's classes, made the first time: it spares a start a third of its time.

    A JVM of another version starts without it.
    """
    libraries()
    return cache.built("kafka-classes", [POM], _archive)


def _archive(folder: Path) -> None:
    with private(_Archiving, folder) as server:
        server.stop()


def _fetch(folder: Path) -> None:
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    tools.run([tools.tool("mvn"), "-q", "-B", "-f", str(POM), *goal], folder)


def answers(host: str, port: int) -> bool:
    """Tell whether a broker serves requests there, those of groups too."""
    try:
        with socket.create_connection((host, port), timeout=WAIT) as connection:
            connection.sendall(PROBE)
            answer = connection.recv(ANSWER.size, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == ANSWER.size and ANSWER.unpack(answer)[2] == 0


def _led(client: AdminClient, name: str) -> int:
    # Asked for all topics: a question about one that the broker has not heard of yet would have it made once more.
    topic = client.list_topics(timeout=WAIT).topics.get(name)
    return sum(partition.leader >= 0 for partition in topic.partitions.values()) if topic else 0
