"""The answer about partitions."""

from __future__ import annotations

from typing import Literal, TypedDict


class Partition(TypedDict):
    """One partition for one group: who works on it, how much of the destination's messages it has."""

    partition: str
    owner: str | None
    instance: str | None
    rate: float
    share: float
    lag: int | None
    hot: bool


class Ownership(TypedDict):
    """A process that worked on a partition from one time to another, without another in between."""

    partition: str
    instance: str
    service: str
    since: float
    until: float


class Rebalance(TypedDict):
    """A partition given to a process, or taken from it."""

    time: float
    kind: Literal["assigned", "revoked"]
    service: str
    instance: str
    partition: str | None


class PartitionsLeftOff(TypedDict):
    """The oldest of what there is beyond what is shown."""

    owners: int
    rebalances: int


class PartitionGroup(TypedDict):
    """The partitions of a destination as one group has them, also those of which it processed nothing."""

    name: str | None
    partitions: list[Partition]
    owners: list[Ownership]
    rebalances: list[Rebalance]
    left_off: PartitionsLeftOff


class PartitionsAnswer(TypedDict):
    """GET /api/partitions."""

    destination: str
    since: float
    until: float
    groups: list[PartitionGroup]
