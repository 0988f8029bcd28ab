"""A real browser, and pages in it that tell what went wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from brokers.tools import MissingError, tool
from support.parts import available

from . import packages as packages_
from .look import Looking
from .made import Made
from .server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from .server import PageServer

OPTIONS = [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-precise-memory-info", "--js-flags=--expose-gc",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give the installed Chromium, started."""
    path = available(lambda: tool("chromium"))
    playwright = pytest.importorskip("playwright.sync_api", reason="the group `test` has playwright")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=OPTIONS, chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def packages() -> Path:
    """Give the folder of the packages that the page is built with; skip where no Node is."""
    try:
        return packages_.packages()
    except MissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def made() -> Made:
    """Give the system that is shown; a test may give another."""
    return Made()


@pytest.fixture
def server(made: Made) -> Iterator[PageServer]:
    """Give a server of the page that shows the system."""
    with serving(made) as server:
        yield server


@pytest.fixture
def look(browser: Browser, server: PageServer, request: pytest.FixtureRequest) -> Iterator[Looking]:
    """Give the page in a window of its own, in a time zone if a test names one; it must complain of nothing."""
    zone = getattr(request, "param", None)
    context = browser.new_context(
        viewport={"width": 1280, "height": 860}, reduced_motion="reduce", **({"timezone_id": zone} if zone else {})
    )
    looking = Looking(context.new_page(), f"http://127.0.0.1:{server.server_port}/")
    yield looking
    context.close()
    assert looking.complaints == []
