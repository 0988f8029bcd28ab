"""Everybody can use it: by keyboard, on a phone, in the dark, with a screen reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .look import VIEWS, Looking

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from .server import PageServer

QUERIES = {"event": "?event=orders/2/41", "findings": "?finding=f0"}
SERIOUS = {"serious", "critical"}
RULES: dict[str, Any] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}  # all else is the same in the dark


def faults(look: Looking, rules: dict[str, Any]) -> list[str]:
    """Return what axe finds on the page that is open, of the kinds that keep somebody out."""
    found: dict[str, Any] = look.page.evaluate("rules => axe.run(rules)", rules)
    return [
        f"{fault['id']}: {node['html'][:120]}"
        for fault in found["violations"]
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", RULES)
def test_axe_finds_no_serious_fault(browser: Browser, server: PageServer, packages: Path, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    try:
        look = Looking(context.new_page(), f"http://127.0.0.1:{server.server_port}/")
        look.at("map")
        look.page.add_script_tag(path=packages / "axe-core" / "axe.min.js")
        found = []
        for view in VIEWS:
            look.at(view, QUERIES.get(view, ""))
            found += [f"{view}: {fault}" for fault in faults(look, RULES[scheme])]
        assert found == []
    finally:
        context.close()


@pytest.mark.parametrize("view", VIEWS)
def test_400_pixels_are_enough(look: Looking, view: str) -> None:
    look.page.set_viewport_size({"width": 400, "height": 800})
    look.at(view, QUERIES.get(view, ""))
    assert look.page.evaluate("document.documentElement.scrollWidth") == 400


def test_the_map_is_walked_by_keyboard(look: Looking) -> None:
    main = look.at("map")
    main.locator("[data-node='service:shop']").focus()
    look.page.keyboard.press("Enter")
    main.locator(".panel").get_by_role("heading", name="shop").wait_for()
    look.page.keyboard.press("Tab")
    assert look.page.evaluate("document.activeElement.dataset.node") == "service:billing"
    look.page.keyboard.press("Space")
    main.locator(".panel").get_by_role("heading", name="billing").wait_for()
    main.locator(".panel").get_by_role("button", name="Close").press("Enter")
    main.locator(".panel").wait_for(state="detached")


def test_a_chart_is_read_by_arrow_keys(look: Looking) -> None:
    chart = look.at("delivery").locator(".chart").first
    chart.focus()
    for _ in range(36):
        look.page.keyboard.press("ArrowLeft")
    assert "90 lost" in chart.locator("[aria-live]").inner_text()
    look.page.keyboard.press("Enter")
    look.page.locator(".messages tbody tr").first.wait_for()


def test_a_view_that_is_chosen_has_the_focus(look: Looking) -> None:
    look.at("map")
    look.page.get_by_role("link", name="Lag", exact=True).press("Enter")
    look.page.wait_for_function("document.activeElement === document.querySelector('main')")
    assert look.page.title() == "Lag \N{EN DASH} otel-eda"


def test_the_first_tab_skips_to_the_view(look: Looking) -> None:
    look.at("map")
    look.page.keyboard.press("Tab")
    look.page.keyboard.press("Enter")
    assert look.page.evaluate("document.activeElement.id") == "main"


def test_colours_are_chosen_and_kept(look: Looking) -> None:
    look.at("map")
    back = "getComputedStyle(document.body).backgroundColor"
    system = look.page.evaluate(back)
    button = look.page.get_by_role("button", name="Colours")
    button.click()
    assert look.page.evaluate(back) == system
    button.click()
    dark = look.page.evaluate(back)
    assert dark != system
    look.page.reload()
    look.page.locator(".node").first.wait_for()
    assert look.page.evaluate(back) == dark
