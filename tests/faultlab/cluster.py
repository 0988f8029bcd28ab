"""A Kafka of three nodes, of which the first is the controller, too: the others can be killed and started again."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from brokers.kafka import KafkaServer
from brokers.service import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NODES = 3


class Node(KafkaServer):
    """One node; without a first one it is that itself."""

    def __init__(self, folder: Path, number: int = 1, first: Node | None = None) -> None:
        super().__init__(folder)
        self.number = number
        self.first = first or self
        self.cluster = self.first.cluster

    def _config(self) -> Mapping[str, object]:
        made = {**super()._config(), "node.id": self.number}
        if self is self.first:
            return made
        voters = f"1@{HOST}:{self.first.ports[1]}"
        listeners = f"PLAINTEXT://{self.address}"
        return {**made, "process.roles": "broker", "listeners": listeners, "controller.quorum.voters": voters}


@contextmanager
def cluster(folder: Path) -> Iterator[list[Node]]:
    """Have a cluster for the length of the block."""
    with ExitStack() as stack:
        nodes: list[Node] = []
        for number in range(1, NODES + 1):
            node = Node(folder / str(number), number, nodes[0] if nodes else None)
            stack.callback(node.close)
            node.start()
            nodes.append(node)
        yield nodes
