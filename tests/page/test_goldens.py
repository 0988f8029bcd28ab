"""Each view looks as it did when a person last looked at it: the same areas in the same colours, whatever the fonts.

A picture that is missing is made anew, and its test fails once, so that somebody looks at it.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .look import VIEWS, Looking
from .made import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from .server import PageServer

GOLDENS = Path(__file__).parent / "goldens"
QUERIES = {"event": "?event=orders/2/41", "findings": "?finding=f0", "partitions": "?destination=audit"}
SIZE: Any = {"width": 1280, "height": 800}
CELLS = (64, 40)  # what a picture is shrunk to before it is compared
FAR, MOST = 24, 0.06  # of 255, from which on a cell differs; the share of cells that may
COMPARE = """async ([one, two, [width, height], far]) => {
  const cells = await Promise.all([one, two].map(async (source) => {
    const image = await createImageBitmap(await (await fetch(source)).blob());
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  }));
  let differ = 0;
  for (let place = 0; place < cells[0].length; place += 4) {
    if ([0, 1, 2].some((part) => Math.abs(cells[0][place + part] - cells[1][place + part]) > far)) differ += 1;
  }
  return differ / (width * height);
}"""


@pytest.fixture
def still(browser: Browser, server: PageServer) -> Iterator[Looking]:
    """Give a page at whose time nothing moves, half as large as usual."""
    server.every = 60.0
    context = browser.new_context(
        viewport=SIZE, device_scale_factor=0.5, reduced_motion="reduce", timezone_id="UTC", locale="en-GB"
    )
    page = context.new_page()
    page.clock.set_fixed_time(NOW * 1000)
    yield Looking(page, f"http://127.0.0.1:{server.server_port}/")
    context.close()


def source(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


@pytest.mark.parametrize(
    ("view", "scheme"), [*((view, "light") for view in VIEWS), ("map", "dark"), ("delivery", "dark")]
)
def test_a_view_looks_as_it_did(still: Looking, view: str, scheme: Any) -> None:
    still.page.emulate_media(color_scheme=scheme)
    still.at(view, QUERIES.get(view, ""))
    still.page.wait_for_timeout(300)
    picture = still.page.screenshot(animations="disabled")
    golden = GOLDENS / f"{view}-{scheme}.png"
    if not golden.is_file():
        golden.parent.mkdir(exist_ok=True)
        golden.write_bytes(picture)
        pytest.fail(f"{golden.name} is new: look at it")
    blank = still.page.context.new_page()
    differs = blank.evaluate(COMPARE, [source(picture), source(golden.read_bytes()), CELLS, FAR])
    assert differs <= MOST, f"{differs:.0%} of {view} looks otherwise; if that is better, delete its golden"
