"""What diagnosis can and cannot know: the page has each check with its gates, and each gate."""

from __future__ import annotations

import re

from docs.pages import ROOT, rows
from otel_eda.diagnosis import catalog, gates

PAGE = ROOT / "docs" / "can-and-cannot-know.md"


def test_each_check_has_a_row_with_its_gates() -> None:
    told = {match[1]: row[-1] for row in rows(PAGE) if (match := re.match(r"\[(EDA\d+)\]", row[0]))}
    assert told == {check.code: " ".join(check.gates) or "none" for check in catalog.checks()}


def test_each_gate_has_a_row() -> None:
    assert [row[0] for row in rows(PAGE) if re.fullmatch(r"G\d", row[0])] == list(gates.CONDITIONS)


def test_what_is_never_confirmed_is_limited_by_its_check() -> None:
    for code, *cells in rows(PAGE):
        match = re.match(r"\[(EDA\d+)\]", code)
        if match and not any(cell.startswith("C") for cell in cells[1:-1]):
            check = next(check for check in catalog.checks() if check.code == match[1])
            assert any("'LIKELY'" in question for question in check.questions) or "G9" in check.gates, check.code
