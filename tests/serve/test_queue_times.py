"""How long messages waited that were sent before the time that is asked about, and rates of what was kept of a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from diagnosis.telemetry import Telemetry

from otel_eda.serve.questions.compare import compare
from otel_eda.serve.questions.lag import lag
from otel_eda.serve.questions.latency import latency
from serve.asked import START, asked, reading

if TYPE_CHECKING:
    from pathlib import Path

LATE, SOON, FOREIGN = 100, 5, 3


def backlog() -> tuple[list[str], list[str]]:
    """Return what came before: messages sent; and half an hour later: they are processed, beside others."""
    world = Telemetry()
    world.metrics = False
    shop, other = world.service("shop", system="rabbitmq"), Telemetry(2).service("other", system="rabbitmq")
    billing = world.service("billing", group="billing", system="rabbitmq")
    late = [shop.send("orders", turn * 0.1) for turn in range(LATE)]
    before = world.lines()
    shop.spans.clear()
    for turn, message in enumerate(late):
        billing.process(message, 1800 + turn * 0.1)
    for turn in range(SOON):
        billing.process(shop.send("orders", 1805 + turn * 0.1), 1805 + turn * 0.1 + 0.01)
    for turn in range(FOREIGN):
        billing.process(other.send("orders", 1806), 1806 + turn * 0.1)  # its sender tells nobody
    return before, world.lines()


def test_messages_that_waited_long_are_not_left_out(tmp_path: Path) -> None:
    with reading(tmp_path, *backlog()) as reader:
        (series,) = lag(reader, asked(1815, seconds=900))["series"]
        b = {"b_since": START + 1790, "b_until": START + 1815}
        (row,) = compare(reader, asked(1815, a_since=START + 1000, a_until=START + 1700, **b))["rows"]
        hops = {hop["kind"]: hop for hop in latency(reader, asked(1815, seconds=900))["hops"]}
    assert max(point[3] or 0 for point in series["points"]) == pytest.approx(1800, abs=1)
    assert row["b"] is not None
    assert row["b"]["queue_p50"] == pytest.approx(1800, abs=1)
    assert (series["unknown_sends"], row["b"]["unknown_sends"]) == (FOREIGN, FOREIGN)
    assert hops["queue"]["p50"] == pytest.approx(1800, abs=1)


def test_rates_are_those_of_the_time_that_was_kept(tmp_path: Path) -> None:
    world = Telemetry()
    world.metrics = False
    shop, billing = world.service("shop"), world.service("billing", group="billing")
    for second in range(420):
        billing.process(shop.send("orders", second, second), second + 0.01)
    times = {"a_since": START - 180, "a_until": START + 120, "b_since": START + 120, "b_until": START + 420}
    with reading(tmp_path, world.lines()) as reader:
        told = compare(reader, asked(420, **times))
        nothing = compare(reader, asked(420, **times | {"a_since": START - 500, "a_until": START - 200}))
    (row,) = told["rows"]
    assert row["a"] is not None
    assert row["b"] is not None
    assert row["a"]["sent_rate"] == row["b"]["sent_rate"] == pytest.approx(1.0)
    assert told["a_kept"] == pytest.approx(120)
    assert told["b_kept"] == pytest.approx(300)
    assert (nothing["a_kept"], nothing["rows"][0]["a"]) == (0, None)
