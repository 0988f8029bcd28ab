"""Finding and truth are compared message by message."""

from __future__ import annotations

from typing import Any

from faultlab import report
from faultlab.score import FAULTY, SOUND, Score, scored
from faultlab.truth import Truth


def lost(offset: int, verdict: str = "CONFIRMED") -> Truth:
    return Truth("EDA104", verdict, True, {"destination": "orders", "partition": "0", "offset": offset})


def finding(*offsets: int, verdict: str = "CONFIRMED", code: str = "EDA104") -> dict[str, Any]:
    evidence = [{"partition": "0", "offset": offset, "detail": "in words"} for offset in offsets]
    return {
        "code": code,
        "verdict": verdict,
        "service": "billing",
        "destination": "orders",
        "group": "g",
        "evidence": evidence,
    }


def faulty(truths: list[Truth], *findings: dict[str, Any]) -> Score:
    return scored("one", FAULTY, truths, list(findings))


def figures(score: Score) -> tuple[float | None, float | None]:
    tally = report.totals([score])["all"]
    return tally.recall, tally.precision


def test_the_right_message() -> None:
    score = faulty([lost(7)], finding(7))
    assert figures(score) == (1.0, 1.0)
    assert score.notes == []
    assert report.passed([score])


def test_another_message_is_neither_found_nor_right() -> None:
    score = faulty([lost(7)], finding(8))
    assert figures(score) == (0.0, 0.0)
    assert [note.split()[0] for note in score.notes] == ["FALSE", "MISSED"]
    assert not report.passed([score])


def test_one_wrong_message_makes_a_finding_wrong() -> None:
    assert figures(faulty([lost(7)], finding(7, 8))) == (1.0, 0.0)


def test_one_message_missed_is_a_fault_missed() -> None:
    assert figures(faulty([lost(7), lost(8)], finding(7))) == (0.0, 1.0)


def test_the_verdict_counts() -> None:
    assert figures(faulty([lost(7)], finding(7, verdict="LIKELY"))) == (0.0, 1.0)
    assert figures(faulty([lost(7, "LIKELY")], finding(7, verdict="LIKELY"))) == (1.0, 1.0)
    assert figures(faulty([lost(7, "LIKELY")], finding(7, verdict="SUSPECT"))) == (0.0, None)


def test_what_is_so_without_a_fault_is_neither_right_nor_wrong_unless_it_is_confirmed() -> None:
    also = Truth("EDA501", "LIKELY", False, {"destination": "orders"})
    assert figures(faulty([lost(7), also], finding(7), finding(3, verdict="LIKELY", code="EDA501"))) == (1.0, 1.0)
    assert figures(faulty([lost(7), also], finding(7), finding(3, code="EDA501"))) == (1.0, 0.5)


def test_nothing_may_be_confirmed_without_a_fault() -> None:
    also = Truth("EDA104", "LIKELY", False, {"destination": "orders"})
    sound = scored("one", SOUND, [also], [finding(7, verdict="LIKELY")])
    assert report.passed([sound])
    assert not report.passed([scored("one", SOUND, [also], [finding(7)])])


def test_a_scenario_is_what_it_says_it_is() -> None:
    assert faulty([]).broken
    assert scored("one", SOUND, [lost(7)], []).broken


def test_the_table_adds_up() -> None:
    lines = list(report.table([faulty([lost(7)], finding(7)), faulty([lost(7)])], ["EDA104", "EDA202"]))
    assert [line.replace(" ", "") for line in lines[2:4]] == [
        "|EDA104|2|1|1|1|0|0.50(0.09to0.91)|1.00(0.21to1.00)|",
        "|EDA202|0|0|0|0|0|-|-|",
    ]
    assert lines[4].split()[1] == "all"


def test_what_a_finding_says_may_be_a_part_of_a_truth() -> None:
    for said, notes in (("in words", 0), ("in deeds", 1)):
        known = Truth("EDA104", "LIKELY", False, {"said": said})
        assert len(faulty([lost(7, "LIKELY"), known], finding(7, 8, verdict="LIKELY")).notes) == notes
