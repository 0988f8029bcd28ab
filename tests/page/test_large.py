"""A large system stays readable and quick, and a page that is left open does not grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .made import large

if TYPE_CHECKING:
    from collections.abc import Callable

    from .look import Looking
    from .server import PageServer

QUICK = 200  # milliseconds from a click to the picture
LARGE = pytest.mark.parametrize("made", [large()])
# How long the page takes from an event to the frame that shows what came of it: one of the quicker of some times, since
# others may use the machine.
CLICKS = """async ([selector, times]) => {
  const took = [];
  for (let turn = 0; turn < times; turn++) {
    const element = document.querySelectorAll(selector)[turn];
    const began = performance.now();
    element.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    took.push(performance.now() - began);
    await new Promise((done) => setTimeout(done, 30));
  }
  return took.sort((one, other) => one - other)[Math.floor(times / 4)];
}"""
HOUR = 3600  # seconds; a state comes in each
STRIDE = 24  # seconds that pass at once, in which the page asks again


@LARGE
def test_the_map_has_groups_that_open(look: Looking) -> None:
    main = look.at("map")
    nodes = main.locator(".node")
    assert nodes.count() == 20
    assert look.overlaps(".node") == []
    main.locator(".node.group.service", has_text="orders").click()
    main.get_by_role("button", name="Open this group").click()
    main.locator(".node", has_text="orders-worker").wait_for()
    assert nodes.count() == 24
    main.get_by_role("button", name="Close all groups").click()
    main.locator(".node", has_text="orders-worker").wait_for(state="detached")


@LARGE
def test_a_click_is_answered_at_once(look: Looking, server: PageServer) -> None:
    server.every = 1.0
    for view, selector in (("map", ".node"), ("findings", ".finding .summary")):
        look.at(view)
        assert look.page.evaluate(CLICKS, [selector, 9]) < QUICK, view
    look.at("map")
    assert look.page.evaluate(CLICKS, ["nav a", 8]) < QUICK


@LARGE
def test_all_findings_can_be_reached(look: Looking) -> None:
    main = look.at("findings")
    assert main.locator(".cause").count() == 5
    assert main.locator(".finding").count() == 125
    main.get_by_role("button", name="Show more").first.click()
    assert main.locator(".finding").count() == 150
    main.get_by_role("searchbox").fill("customer-499")
    main.get_by_text("1 of 500 findings").wait_for()


def size(look: Looking) -> tuple[int, float]:
    """Return how many nodes the page has, and how many megabytes its heap."""
    protocol = look.page.context.new_cdp_session(look.page)
    protocol.send("HeapProfiler.collectGarbage")
    nodes = protocol.send("Memory.getDOMCounters")["nodes"]
    heap = protocol.send("Runtime.getHeapUsage")["usedSize"]
    protocol.detach()
    return nodes, heap / 1e6


def assert_it_does_not_grow(look: Looking, live: Callable[[float], None]) -> None:
    """Let the page live for a sixth of an hour and for the rest of it."""
    live(HOUR / 6)
    nodes, heap = size(look)
    live(HOUR * 5 / 6)
    after_nodes, after_heap = size(look)
    assert after_nodes <= nodes * 1.05 + 50
    assert after_heap <= heap * 1.1 + 1


def test_an_hour_of_states_leaves_nothing_behind(look: Looking, server: PageServer) -> None:
    look.at("map")
    server.every = 0.001

    def live(seconds: float) -> None:
        until = server.events + seconds
        while server.events < until:
            look.page.wait_for_timeout(50)

    assert_it_does_not_grow(look, live)


def test_an_hour_of_questions_leaves_nothing_behind(look: Looking, server: PageServer) -> None:
    look.page.clock.install()
    look.at("delivery")

    def live(seconds: float) -> None:
        until = server.questions + seconds / STRIDE
        while server.questions < until:
            look.page.clock.run_for(STRIDE * 1000)
            look.page.wait_for_timeout(5)

    assert_it_does_not_grow(look, live)
