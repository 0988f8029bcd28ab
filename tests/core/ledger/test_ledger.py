"""A ledger has a partition ledger for each partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.core.ledger import ledger
from otel_eda.core.ledger.ledger import Ledger
from otel_eda.core.ledger.partition import Committed

if TYPE_CHECKING:
    import pytest


def test_a_ledger_has_an_account_for_each_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Ledger()
    for partition in ("0", "1"):
        account = book.partition_ledger("orders", partition)
        account.begin(0)
        account.end(0, partition == "0")
    assert book.partition_ledger("orders", "0") is not book.partition_ledger("orders", "1")
    assert book.commit({("orders", "0"): 1, ("orders", "1"): 1}) == {("orders", "1"): Committed((0,))}
    monkeypatch.setattr(ledger, "MAX_PARTITIONS", 2)
    book.partition_ledger("payments", "0")
    assert list(book.partition_ledgers) == [("orders", "1"), ("payments", "0")]
