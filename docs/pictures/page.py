"""Takes the pictures of the page while the demo runs, `page-*.png` beside this file: `python docs/pictures/page.py`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Page, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDERS = 5000
SIZE: Any = {"width": 1080, "height": 620}
# Each view, once the demo has got so far, with what is done there before its picture is taken.
DURING = {"map": ".node", "lag": ".card canvas", "delivery": ".card canvas", "durations": "tbody tr"}
AFTER = {"findings": ".finding .summary", "partitions": "tbody tr"}
SOON = ("--every", "2s", "--hold", "5s")
COMMAND = shutil.which("otel-eda", path=str(Path(sys.executable).parent)) or "otel-eda"


def addresses(served: subprocess.Popen[str]) -> tuple[str, str]:
    """Return where the page is and where it hears OTLP, as `otel-eda serve` says it."""
    for line in served.stdout or ():
        if match := re.search(r"the page is at (\S+/); it hears OTLP on (http://[\d.:]+)", line):
            return match[1], match[2]
    raise SystemExit("otel-eda serve did not say where the page is")


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command of ours during the block."""
    with subprocess.Popen(
        [COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def take(page: Page, view: str, ready: str) -> None:
    """Take the picture of a view as soon as it shows something."""
    page.evaluate("view => { window.location.hash = `#/${view}?time=120`; }", view)
    page.locator("main").locator(ready).first.wait_for()
    if view == "findings":
        page.locator(ready).first.click()
        page.locator(".waterfall li").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=Path(__file__).with_name(f"page-{view}.png"))


def main() -> None:
    """Run the demo against a page, and take the pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(
            "serve", "--address", "127.0.0.1:0", "--otlp", "127.0.0.1:0", "--every", "2s", "--hold", "5s"
        ) as served,
        sync_playwright() as playwright,
    ):
        place, endpoint = addresses(served)
        options = ("--orders", str(ORDERS), "--endpoint", endpoint, "--keep", folder, "--no-open")
        with running("demo", *options) as demo:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), chromium_sandbox=False)
            page = browser.new_context(viewport=SIZE).new_page()
            page.set_default_timeout(300_000)
            page.goto(place)
            page.locator("[data-node='service:shipping']").wait_for()
            page.locator(".mark").first.wait_for()
            for view, ready in DURING.items():
                take(page, view, ready)
            demo.communicate()
            for view, ready in AFTER.items():
                take(page, view, ready)
            browser.close()


if __name__ == "__main__":
    main()
