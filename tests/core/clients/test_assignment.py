"""Positions are reported when they have changed, and not too often."""

from __future__ import annotations

from otel_eda.core import Position
from otel_eda.core.clients.assignment import Assignment


def test_only_changed_positions_are_reported_and_not_too_often() -> None:
    assignment = Assignment()
    known, unknown = Position("orders", "0", 1, 3), Position("orders", "1", None, 3)
    further = known._replace(offset=2)
    assert (
        assignment.changed_positions([unknown], at_once=False) == []
    )  # which is nothing told, so nothing waits for it
    assert assignment.changed_positions([known, unknown], at_once=False) == [known]
    assert assignment.changed_positions([further], at_once=False) == []
    assert assignment.changed_positions([known, unknown], at_once=True) == []
    assert assignment.changed_positions([further], at_once=True) == [further]
