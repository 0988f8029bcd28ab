"""The pages that are made from the checks are those in the repository."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from docs.pages import ROOT, rows
from otel_eda.diagnosis import catalog
from otel_eda.diagnosis.finding import Finding, Verdict
from otel_eda.diagnosis.reports import json as report
from otel_eda.diagnosis.settings import Bounds

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

CHECKS = ROOT / "docs" / "checks"
DIAGNOSIS = ROOT / "docs" / "diagnosis.md"


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make", CHECKS / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_as_it_is_made() -> None:
    made: dict[Path, str] = maker().pages()
    assert set(CHECKS.glob("*.md")) == {path for path in made if path.parent == CHECKS}
    old = [path.name for path, text in made.items() if path.read_text(encoding="utf-8") != text]
    assert old == [], "run python docs/checks/make.py"


# Where what a finding says is the error's own text.
SAID_BY_OTHERS = {"EDA101", "EDA106"}


@pytest.mark.parametrize("check", catalog.checks(), ids=lambda check: check.code)
def test_an_example_is_in_the_words_of_its_check_and_its_verdict_is_one_that_a_test_gets(check: catalog.Check) -> None:
    example = check.page.partition("## Example\n\n> ")[2]
    words = re.findall(r"'((?:[^']|'')*)'", re.sub("--.*", "", "\n".join(check.questions)))
    sentences = [text.strip(" ;,") for text in words if " " in text and len(text) > 5]
    assert check.code in SAID_BY_OTHERS or any(text in example for text in sentences)
    (tests,) = (ROOT / "tests/diagnosis/checks").glob(f"test_{check.code.lower()}_*.py")
    code, verdict, *_ = example.split()
    assert (code, verdict in tests.read_text("utf-8")) == (check.code, True)


def test_a_symptom_leads_to_every_check() -> None:
    guide = DIAGNOSIS.read_text(encoding="utf-8").partition("## From symptom to finding")[2].partition("\n## ")[0]
    assert [check.code for check in catalog.checks() if f"(checks/{check.code}.md)" not in guide] == []


def test_every_setting_is_told() -> None:
    text = DIAGNOSIS.read_text(encoding="utf-8")
    assert [item.name for item in fields(Bounds) if f"`--{item.name.replace('_', '-')}`" not in text] == []


def test_every_key_of_the_json_report_is_told() -> None:
    nothing = dict.fromkeys(item.name for item in fields(Finding))
    finding = Finding(**nothing | {"verdict": Verdict.LIKELY, "evidence": (), "gates": (), "because": ()})  # type: ignore[arg-type]
    told = {name.strip("` ") for row in rows(DIAGNOSIS) for name in row[0].split(",")}
    assert set(report.finding(finding)) <= told
