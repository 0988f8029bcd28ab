"""The benchmark of light spans measures both ways, and light ones are cheaper."""

from __future__ import annotations

from bench.light_spans import measured


def test_light_spans_are_cheaper_in_each_step() -> None:
    found = measured(rounds=5)
    assert set(found) == {"start to end", "encode"}
    assert all(ours < theirs * 0.8 for theirs, ours in found.values()), found
