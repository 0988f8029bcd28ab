"""Where a window begins and ends is no fault of what goes through it, and a fault in it is found once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from diagnosis.telemetry import Telemetry

from live.streams import Stream, Watched

if TYPE_CHECKING:
    from pathlib import Path

    from diagnosis.telemetry import Service

    from otel_eda.diagnosis.finding import Finding

LONG = 60
USUAL = ("--window", "20s", "--hold", "4s", "--grace", "5")


def shown(found: list[Finding]) -> list[tuple[str, str, tuple[int, int] | None]]:
    return [(one.code, one.verdict.name, one.offsets) for one in found]


def flow(lost: set[int] = frozenset(), skew: float = 0.0, waiting: float = 0.01) -> tuple[Telemetry, Service]:  # type: ignore[assignment]
    """An order every half second, from before the watch to its end; billing fails with some of them and goes on."""
    world = Telemetry()
    shop, billing = world.service("shop"), world.service("billing", group="billing", skew=skew)
    for number in range(2 * LONG):
        at = number / 2
        message = shop.send("orders", at, number)
        billing.process(message, at + waiting, error="ValueError" if number in lost else None)
        billing.commit("orders", at + waiting + 0.02, number + 1)
    return world, billing


def test_nothing_is_found_in_what_is_cut_at_both_ends(tmp_path: Path) -> None:
    world, _ = flow()
    assert shown(Watched(Stream(world), tmp_path, *USUAL).until(LONG)) == []


def test_nor_if_it_was_there_before_the_watch_waits_for_long_and_clocks_are_minutes_apart(tmp_path: Path) -> None:
    world, _ = flow(skew=300.0, waiting=12.0)
    watched = Watched(Stream(world), tmp_path, *USUAL, "--ignore", "EDA5", "--ignore", "EDA702", begin=17.0)
    assert shown(watched.until(LONG)) == []


def test_nor_if_spans_and_counts_come_late(tmp_path: Path) -> None:
    world, _ = flow()
    stream = Stream(world, late=3.9, interval=15.0)
    assert shown(Watched(stream, tmp_path, "--window", "30s", "--hold", "4s", begin=10.0).until(LONG)) == []


@pytest.mark.parametrize("number", [20, 61])
def test_a_message_that_is_lost_is_told_once_and_proven(number: int, tmp_path: Path) -> None:
    world, _ = flow({number})
    told = shown(Watched(Stream(world), tmp_path, *USUAL).until(LONG))
    assert told == [("EDA104", "CONFIRMED", (number, number))]


def test_each_lost_message_is_told_those_found_together_in_one(tmp_path: Path) -> None:
    world, _ = flow({20, 21, 70})
    told = Watched(Stream(world), tmp_path, *USUAL).until(LONG)
    assert sum(one.count for one in told) == 3
    assert [one.offsets for one in told if one.count == 2] in ([], [(20, 21)])
    assert {one.verdict.name for one in told} == {"CONFIRMED"}


def test_a_finding_shows_as_much_evidence_as_was_asked_for(tmp_path: Path) -> None:
    world, _ = flow({20, 21, 22, 23})
    found = Watched(Stream(world), tmp_path, *USUAL, "--evidence", "2").until(LONG, step=LONG)
    assert [(one.count, len(one.evidence)) for one in found] == [(4, 2)]


def test_what_a_watch_began_amid_is_not_confirmed(tmp_path: Path) -> None:
    world, _ = flow({32})  # sent at 16 s; the watch begins at 15.5 s, counts are read first at 30 s
    told = Watched(Stream(world, interval=15.0), tmp_path, *USUAL, begin=15.5).until(LONG)
    assert {one.verdict.name for one in told} <= {"LIKELY", "SUSPECT"}


def test_a_finding_is_told_again_when_its_verdict_rises(tmp_path: Path) -> None:
    world, _ = flow({20})  # at 10 s; nothing proves it until counts are read at 30 s
    watched = Watched(Stream(world, interval=30.0), tmp_path, "--window", "60s", "--hold", "2s", "--grace", "5")
    told = shown(watched.until(LONG))
    assert [code for code, _, _ in told] == ["EDA104", "EDA104"]
    assert [verdict for _, verdict, _ in told] == ["LIKELY", "CONFIRMED"]


def test_what_the_ledger_counted_is_told_once_though_its_spans_leave_the_window(tmp_path: Path) -> None:
    world, billing = flow()
    message = world.services[0].send("orders", 20.2, 1000, 1)
    billing.process(message, 20.21, error="ValueError", said={"eda.message.skipped": True})
    stream = Stream(world, skipped={float(at): 1 for at in range(21, LONG)})
    told = shown(Watched(stream, tmp_path, *USUAL).until(LONG))
    assert told == [("EDA104", "CONFIRMED", (1000, 1000))]


def test_spans_that_are_missing_are_told_and_nothing_is_confirmed_by_their_absence(tmp_path: Path) -> None:
    world, billing = flow()
    stream = Stream(world)
    dropped = [span for span in billing.spans if span.json["name"] == "process orders"][60:70]
    told = []
    watched = Watched(stream, tmp_path, *USUAL)
    told += watched.until(29.0)
    counts = list(stream.between(29.0, 40.0))
    for span in dropped:
        billing.spans.remove(span)
    kept = [line for line in stream.between(29.0, 40.0) if b"resourceSpans" in line]
    watched.at = 40.0
    watched.window.add([*kept, *(line for line in counts if b"resourceMetrics" in line)])
    told += watched.evaluator.evaluate()
    assert ("EDA703", "LIKELY") in {(one.code, one.verdict.name) for one in told}
    assert not [one for one in told if one.verdict.name == "CONFIRMED"]


def test_an_old_machine_of_a_service_holds_up_nothing(tmp_path: Path) -> None:
    world, _ = flow({60})
    past = Telemetry(2)
    message = past.service("shop").send("orders", -3600.0, 1000)
    past.service("billing", group="billing", host="gone").process(message, -3600.0)
    watched = Watched(Stream(world), tmp_path, *USUAL, "--select", "EDA104")
    watched.window.add(Stream(past).between(-3601.0, -3590.0))
    assert shown(watched.until(LONG)) == [("EDA104", "CONFIRMED", (60, 60))]
    assert ("billing", "gone") not in watched.evaluator.watermarks.latest  # what it told has left the window
