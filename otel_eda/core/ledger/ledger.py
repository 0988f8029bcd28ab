"""An exact account of what a consumer has done with each offset, whatever is sampled; its memory grows with gaps.

An offset is *begun* when its processing begins, *done* once an attempt has succeeded. Of what is neither seen nor known
nothing is claimed: not of messages that another member may have processed, nor of a batch that nobody iterated.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from otel_eda.core.ledger.account import QUIET, Account, Committed
from otel_eda.core.runtime.state import on_fork, on_reset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_eda.core.message import Identity


ACCOUNTS = 10_000


LEDGERS = 100


epochs = count(1)
"""Each names a time in which one consumer reads on without a seek or another assignment."""


class Ledger:
    """The accounts of a group, or of a consumer without one, by destination and partition."""

    __slots__ = ("accounts",)

    def __init__(self) -> None:
        self.accounts: dict[tuple[str, str], Account] = {}

    def account(self, destination: str, partition: str) -> Account:
        """Give the account of a partition."""
        found = self.accounts.get((destination, partition))
        if found is None:
            found = self.accounts.setdefault((destination, partition), Account())
            if len(self.accounts) > ACCOUNTS:
                self.accounts.pop(next(iter(self.accounts)), None)
        return found

    def commit(self, offsets: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], Committed]:
        """Note a commit of `{(destination, partition): offset}`; give what it has brought to light, where anything."""
        found = {place: self.account(*place).commit(offset) for place, offset in offsets.items()}
        return {place: committed for place, committed in found.items() if committed is not QUIET}

    def release(self) -> None:
        """Note that the group's partitions are assigned anew."""
        for account in list(self.accounts.values()):
            account.release()


_ledgers: dict[tuple[object, ...], Ledger] = {}


def ledger_of(system: str, identity: Identity) -> Ledger:
    """Give the ledger that all members of a group in this process share; a consumer without a group has its own."""
    if identity.group is None:
        return Ledger()
    group = system, identity.server_address, identity.server_port, identity.group
    found = _ledgers.setdefault(group, Ledger())
    if len(_ledgers) > LEDGERS:
        del _ledgers[next(iter(_ledgers))]
    return found


@on_reset
@on_fork
def forget_all() -> None:
    """Begin anew: of what comes to pass while we are off, or in a forked child's parent, the ledgers hear nothing."""
    _ledgers.clear()
