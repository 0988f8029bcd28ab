"""A replica that lacks what was acknowledged becomes the leader, and its messages take the others' place."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from brokers.service import poll
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from faultlab import kafka
from faultlab.cluster import cluster
from faultlab.kafka import PATIENCE, address
from faultlab.program import outlive
from faultlab.truth import fault, harmless

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, ELECTION = 10, 60.0
BOTH, ONE, NONE = 2, 1, 0


def play(stage: Stage) -> None:
    topic = f"topic-{uuid.uuid4().hex[:12]}"
    with cluster(stage.folder / "kafka") as nodes:
        stage.environ[kafka.VARIABLE] = nodes[0].address
        client: Any = AdminClient({"bootstrap.servers": nodes[0].address})
        config = {"unclean.leader.election.enable": "true", "min.insync.replicas": "1"}
        made = NewTopic(topic, 1, replica_assignment=[[2, 3]], config=config)
        client.create_topics([made])[topic].result(PATIENCE)
        wait_for(client, topic, leader=2, replicas=BOTH)
        stage.run("shop", shop, topic)
        nodes[2].kill()
        wait_for(client, topic, leader=2, replicas=ONE)
        stage.run("shop", shop, topic)  # which the third node will never have
        nodes[1].kill()
        nodes[2].start()
        wait_for(client, topic, leader=3, replicas=ONE)
        stage.run("shop", shop, topic, True)


def wait_for(client: Any, topic: str, leader: int, replicas: int) -> None:
    """Wait until a node leads, with so many replicas in step."""

    def found() -> bool | None:
        # The node that is asked may not have heard of the topic yet.
        known = client.list_topics(timeout=PATIENCE).topics.get(topic)
        state = known and known.partitions.get(0)
        return (state is not None and state.leader == leader and len(state.isrs) == replicas) or None

    poll(found, ELECTION, f"node {leader} to lead {TopicPartition(topic, 0)} with {replicas} replicas")


def shop(topic: str, after: bool = False) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=address(), enable_idempotence=False, acks="all")
    for number in range(COUNT):
        sent = producer.send(topic, b"%d" % number).get(PATIENCE)
        if after:
            assert COUNT <= sent.offset < 2 * COUNT, "nothing was lost"
            fault("EDA103", "LIKELY", destination=topic, partition="0", offset=sent.offset)
    producer.close()
    harmless("EDA107", destination=topic)
    outlive()
