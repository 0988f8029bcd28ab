"""Every link of the documentation leads somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
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


def built(*command: str, repository: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "OTEL_EDA_REPOSITORY": repository or ""}
    command = sys.executable, "-m", "hatchling", *command
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_a_package_index_shows_the_readme_without_links_that_lead_nowhere() -> None:
    metadata = json.loads(built("metadata").stdout)
    assert "Getting started (`docs/getting-started.md`)" in metadata["readme"]["text"]
    targets = re.findall(r"\]\(([^)]*)\)", metadata["readme"]["text"])
    assert [target for target in targets if not target.startswith("https://")] == []
    assert "urls" not in metadata  # nobody has said where the repository is


def test_a_package_index_links_to_the_repository_that_a_release_is_built_from(tmp_path: Path) -> None:
    page = "https://code.example/team/otel-eda"
    urls = json.loads(built("metadata", repository=page + ".git").stdout)["urls"]
    assert urls == {"Homepage": page, "Documentation": f"{page}#readme", "Source": page, "Issues": f"{page}/issues"}
    assert built("build", "-t", "wheel", "-d", str(tmp_path), repository=page).returncode == 0
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        (name,) = (name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
        assert f"Project-URL: Source, {page}\n" in files.read(name).decode()


@pytest.mark.parametrize("wrong", ["git@code.example:team/otel-eda", "https://me:secret@code.example/team", "here"])
def test_an_address_that_is_no_page_is_refused(wrong: str) -> None:
    refused = built("metadata", repository=wrong)
    assert refused.returncode != 0
    assert "OTEL_EDA_REPOSITORY: give the address of the repository's page" in refused.stderr
    assert "secret" not in refused.stderr


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
