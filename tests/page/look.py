"""A page in the browser, with what it complained of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page, Request

VIEWS = {
    "map": "Flow map",
    "delivery": "Delivery",
    "lag": "Lag",
    "durations": "Durations",
    "findings": "Findings",
    "event": "One event",
    "compare": "Compare",
    "partitions": "Partitions",
}
# What each view shows once it has an answer.
READY = {
    "map": ".node",
    "delivery": ".card canvas",
    "lag": ".card canvas",
    "durations": ".card table",
    "findings": ".finding",
    "event": ".empty, .waterfall",
    "compare": "table.compare",
    "partitions": "table.partitions",
}

OVERLAPS = """selector => {
  const boxes = [...document.querySelectorAll(selector)].map((element) => {
    const body = element.querySelector(".box") ?? element;
    return [element.textContent, body.getBoundingClientRect()];
  });
  const found = [];
  boxes.forEach(([text, one], turn) => {
    for (const [other, two] of boxes.slice(turn + 1)) {
      const wide = Math.min(one.right, two.right) - Math.max(one.left, two.left);
      const high = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
      if (wide > 1 && high > 1) found.push([text, other]);
    }
  });
  return found;
}"""


class Looking:
    """Opens views of the page at an address."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        page.set_default_timeout(20_000)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(f"asks {request.url}")

    def at(self, view: str, query: str = "") -> Locator:
        """Open a view, wait until it has its answer, and return its part of the page."""
        if self.page.url.startswith(self.address):
            self.page.evaluate("hash => { window.location.hash = hash; }", f"#/{view}{query}")
        else:
            self.page.goto(f"{self.address}#/{view}{query}")
        self.page.get_by_role("heading", name=VIEWS[view], exact=True).first.wait_for()
        main = self.page.locator("main")
        main.locator(READY[view]).first.wait_for()
        return main

    def overlaps(self, selector: str) -> list[list[str]]:
        """Return the texts of elements that lie on each other."""
        found: list[list[str]] = self.page.evaluate(OVERLAPS, selector)
        return found
