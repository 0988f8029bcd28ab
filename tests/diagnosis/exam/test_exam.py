"""Diagnosis says of each file of telemetry what is true, and of a part of it nothing that is not."""

from __future__ import annotations

import pytest

from .expectations import CASES, diagnosed, judge

# Recorded by an instrumentation that left out what shows the fault. `tests/contract` holds what it must tell today:
# which exception leaves a body that closes its consumer, and which message a task of the application works on.
NOT_RECORDED = {"recorded/crash_loop_closed", "recorded/crash_loop_plain", "recorded/tasks_forgotten"}


@pytest.mark.parametrize("name", CASES)
def test_what_is_true_is_said_and_nothing_else(name: str) -> None:
    result = judge(name, diagnosed(name))
    assert result.false == []
    assert result.wrongly_explained == []
    assert bool(result.missed) is (name in NOT_RECORDED)
