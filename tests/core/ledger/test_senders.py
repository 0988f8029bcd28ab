"""Senders are bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.core.ledger import senders

if TYPE_CHECKING:
    import pytest


def test_senders_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "MAX_SENDERS", 10)
    known = senders.Senders()
    for number in range(1000):
        known.of(str(number)).record_arrival(0)
    assert len(known._sequences) == 10
