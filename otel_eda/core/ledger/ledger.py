"""An exact account of what a consumer has done with each offset, whatever is sampled; its memory grows with gaps.

An offset is *begun* when its processing begins, *done* once an attempt has succeeded. Of what is neither seen nor known
nothing is claimed: not of messages that another member may have processed, nor of a batch that nobody iterated.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from otel_eda.core.ledger.partition import NOTHING_FOUND, Committed, PartitionLedger
from otel_eda.core.runtime.state import on_fork, on_reset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_eda.core.message import Identity


MAX_PARTITIONS = 10_000


MAX_LEDGERS = 100


epochs = count(1)
"""Each names a time in which one consumer reads on without a seek or another assignment."""


class Ledger:
    """The accounts of a group, or of a consumer without one, by destination and partition."""

    __slots__ = ("partition_ledgers",)

    def __init__(self) -> None:
        self.partition_ledgers: dict[tuple[str, str], PartitionLedger] = {}

    def partition_ledger(self, destination: str, partition: str) -> PartitionLedger:
        """Give the account of a partition."""
        found = self.partition_ledgers.get((destination, partition))
        if found is None:
            found = self.partition_ledgers.setdefault((destination, partition), PartitionLedger())
            if len(self.partition_ledgers) > MAX_PARTITIONS:
                self.partition_ledgers.pop(next(iter(self.partition_ledgers)), None)
        return found

    def commit(self, offsets: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], Committed]:
        """Note a commit of `{(destination, partition): offset}`; give what it has brought to light, where anything."""
        found = {place: self.partition_ledger(*place).commit(offset) for place, offset in offsets.items()}
        return {place: committed for place, committed in found.items() if committed is not NOTHING_FOUND}

    def release(self) -> None:
        """Note that the group's partitions are assigned anew."""
        for partition_ledger in list(self.partition_ledgers.values()):
            partition_ledger.release()


_ledgers: dict[tuple[object, ...], Ledger] = {}


def ledger_of(system: str, identity: Identity) -> Ledger:
    """Give the ledger that all members of a group in this process share; a consumer without a group has its own."""
    if identity.group is None:
        return Ledger()
    group = system, identity.server_address, identity.server_port, identity.group
    found = _ledgers.setdefault(group, Ledger())
    if len(_ledgers) > MAX_LEDGERS:
        del _ledgers[next(iter(_ledgers))]
    return found


@on_reset
@on_fork
def clear() -> None:
    """Begin anew: of what comes to pass while we are off, or in a forked child's parent, the ledgers hear nothing."""
    _ledgers.clear()
