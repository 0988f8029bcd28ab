"""A ledger has a partition ledger for each partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.core.ledger import ledger
from otel_eda.core.ledger.ledger import Ledger
from otel_eda.core.ledger.partition import Committed

if TYPE_CHECKING:
    import pytest


def test_a_ledger_has_a_partition_ledger_for_each_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    offsets = Ledger()
    for partition in ("0", "1"):
        one = offsets.partition_ledger("orders", partition)
        one.begin(0)
        one.end(0, partition == "0")
    assert offsets.partition_ledger("orders", "0") is not offsets.partition_ledger("orders", "1")
    assert offsets.commit({("orders", "0"): 1, ("orders", "1"): 1}) == {("orders", "1"): Committed((0,))}
    monkeypatch.setattr(ledger, "MAX_PARTITIONS", 2)
    offsets.partition_ledger("payments", "0")
    assert list(offsets.partition_ledgers) == [("orders", "1"), ("payments", "0")]
