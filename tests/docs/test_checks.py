"""The pages that are made from the checks are those in the repository."""

from __future__ import annotations

import importlib.util
from dataclasses import fields
from typing import TYPE_CHECKING

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
