"""How a lag is likely to go on is said in units that fit."""

from __future__ import annotations

import pytest

from otel_eda.serve.questions.ahead import ahead


@pytest.mark.parametrize(
    ("level", "seconds", "says"),
    [(0.0, 60, "in 20 s likely 0 messages"), (7.0, 600, "in 3 min likely 7 messages")],
)
def test_a_steady_lag_stays(level: float, seconds: int, says: str) -> None:
    step = seconds / 60
    found = ahead(dict.fromkeys(range(60), level), step, seconds)
    assert found is not None
    assert found["says"] == says


def test_nothing_is_foretold_of_what_is_not_known() -> None:
    assert ahead({}, 1, 60) is None
    assert ahead({0: None, 1: None}, 1, 60) is None
