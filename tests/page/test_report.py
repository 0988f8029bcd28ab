"""The report of `otel-eda diagnose` in a browser: a finding is one line, and a telephone shows all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import flow

from otel_eda import cli

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

HEADS = """() => [...document.querySelectorAll("summary")].map(
    (head) => [...head.children].map((part) => Math.round(part.getBoundingClientRect().bottom)))"""
ACROSS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


def opened(browser: Browser, report: Path, width: int) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(report.as_uri())
    page.wait_for_selector("summary")
    return page


def test_a_finding_is_one_line_and_a_narrow_page_is_not_scrolled_aside(browser: Browser, tmp_path: Path) -> None:
    made = flow(40, 2, skip={12})
    for attempt in range(3):
        made.billing.process(made.messages[12], 1.21 + attempt / 100, error="KeyError")
    report = tmp_path / "x.html"
    assert cli.main(["diagnose", str(made.world.write(tmp_path)), "--grace", "0", "-o", str(report)]) == 1
    wide = opened(browser, report, 1200)
    heads = wide.evaluate(HEADS)
    assert len(heads) >= 2
    assert all(max(bottoms) - min(bottoms) <= 4 for bottoms in heads)  # letters of two fonts
    scrolled, shown = opened(browser, report, 375).evaluate(ACROSS)
    assert scrolled == shown
