"""A topic of Kafka with usual traffic: producers, and a group whose members work through their partitions in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnosis.telemetry import Message, Service, Span

    from .cell import Cell

GAP = 0.1  # seconds between two messages
WORK = 0.02  # seconds that a handler takes
TRIP = 0.004  # seconds from the acknowledgement to the handler
MILLISECOND = 1_000_000  # nanoseconds
SOME_KEYS = 40
Fate: TypeAlias = "Callable[[Topic, float], None]"


@dataclass
class Topic:
    """A cell's topic, with the time up to which each partition's member is busy."""

    cell: Cell
    number: int
    partitions: int = 3
    fates: dict[int, Fate] = field(default_factory=dict)
    usual: Fate | None = None
    hosts: tuple[str | None, str | None] = (None, None)
    skew: float = 0.0
    keep: int = 1  # messages between two commits

    def __post_init__(self) -> None:
        cell = self.cell
        self.name, self.group = cell.named("orders"), cell.named("billing")
        self.producer = cell.service("shop", **self._host(0))
        self.members = [self.member(), self.member()]
        self.offsets = dict.fromkeys(range(self.partitions), 0)
        self.free = dict.fromkeys(range(self.partitions), 0.0)
        self.keys = [f"{cell.luck.getrandbits(64):016x}" for _ in range(SOME_KEYS)]
        self.end = self.number * GAP
        self.backlog: list[Message] = []

    def _host(self, side: int) -> dict[str, Any]:
        name = self.hosts[side]
        return {} if name is None else {"host": self.cell.named(name)}

    def member(self) -> Service:
        """Return one more process of the group."""
        return self.cell.service("billing", group=self.group, skew=self.skew, **self._host(1))

    def play(self) -> None:
        """Send every message, and do with it what its fate is."""
        for turn in range(self.number):
            fate = self.fates.get(turn) or self.usual or as_usual
            fate(self, turn * GAP)

    def owner(self, partition: int) -> Service:
        """Return the member that has a partition."""
        return self.members[partition % len(self.members)]

    def send(self, at: float, partition: int | None = None, key: str | None = None, **more: Any) -> Message:
        """Send a message in a request of its own; return it at its place."""
        key = self.cell.luck.choice(self.keys) if key is None else key
        where = int(key, 16) % self.partitions if partition is None else partition
        offset, request = self.offsets[where], self.request(at)
        self.offsets[where] += 1
        said = {"messaging.client.id": self.producer.name, "eda.message.key.hash": key, **more.pop("said", {})}
        return self.producer.send(
            self.name, at, offset, where, said=said, parent=request, took=more.pop("took", 0.002), **more
        )

    def request(self, at: float) -> Span:
        """Return the span of a request for which something is sent."""
        return self.producer.other("POST /orders", at - 0.001, 0.005, said={"http.request.method": "POST"}, kind=2)

    def work(self, message: Message, at: float, took: float = WORK, member: Service | None = None, **more: Any) -> Span:
        """Have a member work on a message as soon as it may; return the span."""
        partition = int(message.partition or 0)
        begin = max(at, self.free[partition])
        self.free[partition] = begin + took
        member = member or self.owner(partition)
        said = {"eda.message.key.hash": _key(message), "eda.message.timestamp": stamp(message), **more.pop("said", {})}
        work = member.process(message, begin, took, said=said, **more)
        member.other("SELECT stock", begin + took / 4, took / 8, work, said={"db.system.name": "postgresql"}, kind=3)
        return work

    def commit(self, message: Message, member: Service | None = None) -> Span:
        """Have the member commit past a message when it is free."""
        partition = int(message.partition or 0)
        done = (message.offset or 0) + 1
        return (member or self.owner(partition)).commit(self.name, self.free[partition] + 0.001, done, partition)

    def fault(self, code: str, verdict: str, message: Message, *spans: Span, **where: Any) -> None:
        """Note a fault of a message, which its send and some more spans show."""
        at: dict[str, Any] = {"destination": self.name, "partition": message.partition, "offset": message.offset}
        self.cell.fault(code, verdict, message.span, *spans, **at, **where)

    def also(self, code: str, most: str = "LIKELY", message: Message | None = None) -> None:
        """Note what is so as well, of a message or of the whole topic."""
        at = {} if message is None else {"partition": message.partition, "offset": message.offset}
        self.cell.also(code, most, destination=self.name, **at)


def as_usual(topic: Topic, at: float) -> None:
    """Send a message, work on it, and commit it, or a few together."""
    message = topic.send(at)
    topic.work(message, at + TRIP)
    if (message.offset or 0) % topic.keep == 0:
        topic.commit(message)


def stamp(message: Message) -> int:
    """Return a message's timestamp, in milliseconds."""
    return int(message.span.json["startTimeUnixNano"]) // MILLISECOND


def _key(message: Message) -> str | None:
    for pair in message.span.json["attributes"]:
        if pair["key"] == "eda.message.key.hash":
            return str(pair["value"]["stringValue"])
    return None
