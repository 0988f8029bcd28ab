"""Every link of the documentation leads somewhere."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from docs.pages import PAGES, ROOT, anchors, links

if TYPE_CHECKING:
    from pathlib import Path

EXTERNAL = ("https://opentelemetry.io/", "https://keepachangelog.com/", "https://semver.org/")
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_pages_are_found() -> None:
    assert {"README.md", "docs/telemetry.md", "examples/events/README.md"} <= set(map(named, PAGES))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_resolve(page: Path) -> None:
    for target in links(page):
        if target.startswith("https://"):
            assert target.startswith(EXTERNAL), f"{target} is a place nobody checks"
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} is not there"
        assert file.is_relative_to(ROOT)
        assert not anchor or anchor in anchors(file), f"{target} has no such heading"


def test_a_package_index_shows_the_readme_without_links_that_lead_nowhere() -> None:
    tomllib = pytest.importorskip("tomllib")  # new in Python 3.11
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    settings = project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert (project["project"]["dynamic"], settings["fragments"][0]) == (["readme"], {"path": "README.md"})
    shown = (ROOT / "README.md").read_text("utf-8")
    for each in settings["substitutions"]:
        shown = re.sub(each["pattern"], each["replacement"], shown)
    assert "Getting started (`docs/getting-started.md`)" in shown
    assert [target for target in re.findall(r"\]\(([^)]*)\)", shown) if not target.startswith("https://")] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in links(page):
            file = (page.parent / target.partition("#")[0]).resolve()
            file = file / "README.md" if file.is_dir() and file != ROOT else file
            if file.suffix == ".md" and file.is_file():
                ahead.append(file)
    assert set(PAGES) <= reached


@pytest.mark.parametrize("picture", PICTURES, ids=named)
def test_pictures_need_nothing_from_elsewhere(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 (it is our own)
    assert re.findall(r"@font-face|@import|\bhref=|url\((?!#)|<script", text) == []
    assert set(re.findall(r"https?://[^\"'\s)]+", text)) == {"http://www.w3.org/2000/svg"}
    assert any(picture.name in target for page in PAGES for target in links(page))
