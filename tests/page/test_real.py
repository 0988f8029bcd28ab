"""The page of the real server, which shows telemetry whose faults are known: what it says is what a diary says.

All names in it are hostile; nothing else is asked of usual ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from serve.diary import Diary, written
from serve.pages import PATIENCE, SOON, Shown, shown
from support.waiting import until

from .look import VIEWS, Looking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def diary() -> Diary:
    return written(hostile=True)


@pytest.fixture(scope="module")
def served(diary: Diary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    path = diary.world.write(tmp_path_factory.mktemp("telemetry"))
    with shown(path, *SOON, "--grace", 300) as served:
        served.heard(sum(len(service.spans) for service in diary.world.services))
        until(lambda: served.ask("state")["findings"]["number"] > 0, "findings", PATIENCE)
        yield served


@pytest.fixture
def look(browser: Browser, served: Shown) -> Iterator[Looking]:
    context = browser.new_context(reduced_motion="reduce")
    looking = Looking(context.new_page(), f"http://{served.place}/")
    yield looking
    context.close()
    assert looking.complaints == []


def test_each_view_shows_what_the_diary_says(look: Looking, diary: Diary) -> None:
    billing = diary.world.services[1].name
    main = look.at("map")
    assert main.locator(".node").count() == 3
    totals = look.at("delivery").locator(".totals").inner_text()
    for fate in ("lost", "failed", "processed"):
        assert f"{diary.total(fate)} {fate}" in totals
    heading = look.page.get_by_role("heading", level=2).first.text_content() or ""
    assert heading.split() == ["orders", "→", "billing"]
    assert billing in (look.at("durations").locator("tbody").text_content() or "")
    assert look.at("partitions").locator("tbody tr").count() == 3
    assert billing in (look.page.locator("tbody").text_content() or "")
    assert "orders" in look.at("compare").locator("tbody").inner_text()


def test_a_lost_message_is_followed(look: Looking) -> None:
    main = look.at("event", "?event=order-7")
    main.locator(".waterfall li").first.wait_for()
    assert "send orders" in main.locator(".waterfall").inner_text()
    assert "Missing" in main.inner_text()
    finding = look.at("findings", "?text=EDA104").locator(".finding .summary").first
    finding.click()
    look.page.locator(".details .waterfall li").first.wait_for()
    told = look.page.locator(".details").text_content() or ""
    assert "Proof" in told
    assert "What to do" in told


def test_nothing_of_it_becomes_a_part_of_the_page(look: Looking) -> None:
    for view in VIEWS:
        if view == "lag":
            continue
        main = look.at(view)
        assert main.locator("img, script, [onerror]").count() == 0, view
