"""The exact state of each offset that a consumer was handed, whatever is sampled; memory grows with the gaps.

An offset is *begun* when its processing begins, *done* once an attempt has succeeded. Nothing is claimed of an offset
that is neither: another member of the group may have processed it, or nobody has iterated its batch.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from otel_eda.core.ledger.partition import NOTHING_FOUND, Committed, PartitionLedger
from otel_eda.core.runtime.bounds import drop_oldest
from otel_eda.core.runtime.state import on_fork, on_reset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_eda.core.message import Identity


MAX_PARTITIONS = 10_000


MAX_LEDGERS = 100


epochs = count(1)
"""Numbers for the times in which a consumer reads on without a seek or another assignment."""


class Ledger:
    """The partition ledgers of a group, or of a consumer without a group."""

    __slots__ = ("partition_ledgers",)

    def __init__(self) -> None:
        self.partition_ledgers: dict[tuple[str, str], PartitionLedger] = {}

    def partition_ledger(self, destination: str, partition: str) -> PartitionLedger:
        """Return the ledger of a partition, made at its first use."""
        partition_ledger = self.partition_ledgers.get((destination, partition))
        if partition_ledger is None:
            partition_ledger = self.partition_ledgers.setdefault((destination, partition), PartitionLedger())
            drop_oldest(self.partition_ledgers, MAX_PARTITIONS)
        return partition_ledger

    def commit(self, offsets: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], Committed]:
        """Record a commit of `{(destination, partition): offset}`; return what it reveals, by partition."""
        commits = {partition: self.partition_ledger(*partition).commit(offset) for partition, offset in offsets.items()}
        return {partition: committed for partition, committed in commits.items() if committed is not NOTHING_FOUND}

    def release(self) -> None:
        """Record that the group's partitions are assigned anew."""
        for partition_ledger in list(self.partition_ledgers.values()):
            partition_ledger.release()


_ledgers: dict[tuple[object, ...], Ledger] = {}


def ledger_of(system: str, identity: Identity) -> Ledger:
    """Return the ledger that all members of a group in this process share; a consumer without a group gets its own."""
    if identity.group is None:
        return Ledger()
    group = system, identity.server_address, identity.server_port, identity.group
    ledger = _ledgers.setdefault(group, Ledger())
    drop_oldest(_ledgers, MAX_LEDGERS)
    return ledger


@on_reset
@on_fork
def clear() -> None:
    """Drop the ledgers of all groups: they miss what happens while otel-eda is off, or in a forked child's parent."""
    _ledgers.clear()
