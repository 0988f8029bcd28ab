"""Whatever telemetry says stays text in every view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .look import VIEWS
from .made import Made

if TYPE_CHECKING:
    from .look import Looking

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>`\"'\u202e&lt;"
HOSTILE = Made(
    [(f"shop{EVIL}", f"orders{EVIL}", f"billing{EVIL}", f"group{EVIL}"), ("constructor", "__proto__", "toString", "-")],
    evil=EVIL,
)
QUERIES = {"event": "?event=orders/2/41", "findings": "?finding=f0", "partitions": "?destination=__proto__"}


@pytest.mark.parametrize("made", [HOSTILE])
def test_no_view_lets_it_in(look: Looking) -> None:
    for view in VIEWS:
        main = look.at(view, QUERIES.get(view, ""))
        look.page.wait_for_timeout(100)
        assert "owned" not in look.page.title(), view
        assert main.locator("img, script, iframe, object, [onerror]").count() == 0, view
        links = main.locator("a").evaluate_all("links => links.map(link => link.protocol)")
        assert set(links) <= {"http:", "https:"}, view


@pytest.mark.parametrize("made", [HOSTILE])
def test_it_is_shown_as_it_is(look: Looking) -> None:
    main = look.at("map")
    main.locator(".node").first.click()
    assert main.locator(".panel h2").text_content() == f"shop{EVIL}"
    details = look.at("findings", "?finding=f0").locator(".details")
    assert EVIL in (details.text_content() or "")


@pytest.mark.parametrize("made", [HOSTILE])
def test_it_is_asked_for_as_it_is(look: Looking) -> None:
    main = look.at("event")
    main.get_by_label("Event").fill(f"a/../../b?x=1&y#{EVIL}")
    with look.page.expect_response(lambda answer: "/api/trace?" in answer.url) as answer:
        main.get_by_role("button", name="Follow").click()
    assert answer.value.json()["event"] == f"a/../../b?x=1&y#{EVIL}"


# The letters of each line, from left to right: none may stand before the one that it follows.
REORDERED = """main => {
  const found = [], range = document.createRange();
  const walker = document.createTreeWalker(main, NodeFilter.SHOW_ELEMENT);
  for (let at = walker.nextNode(); at; at = walker.nextNode()) {
    const within = [...at.querySelectorAll("*")];
    if (!at.textContent.includes("\\u202e") || at.closest("option, title, bdi, tspan")) continue;
    if (within.some((one) => getComputedStyle(one).display !== "inline")) continue;
    const texts = document.createTreeWalker(at, NodeFilter.SHOW_TEXT);
    let last = null;
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      for (let turn = 0; turn < text.length; turn++) {
        range.setStart(text, turn);
        range.setEnd(text, turn + 1);
        const box = range.getBoundingClientRect();
        if (!box.width) continue;
        if (last && Math.abs(last.top - box.top) < 3 && box.left < last.left - 1) found.push(at.textContent);
        last = box;
      }
    }
  }
  return [...new Set(found)];
}"""


@pytest.mark.parametrize("made", [HOSTILE])
def test_it_reorders_nothing(look: Looking) -> None:
    shown = 0
    for view in VIEWS:
        main = look.at(view, QUERIES.get(view, ""))
        look.page.wait_for_timeout(100)
        assert main.evaluate(REORDERED) == [], view
        shown += (main.text_content() or "").count("\u202e")
    assert shown > 20
