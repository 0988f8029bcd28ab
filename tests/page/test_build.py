"""The page that is in the package is the one that its sources make."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from brokers.tools import run

from .packages import SOURCES, workshop
from .server import STATIC

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("packages")
def test_the_sources_make_what_is_in_the_package(tmp_path: Path) -> None:
    folder, out = workshop(tmp_path), tmp_path / "built"
    run(["npx", "tsc", "--noEmit"], folder)
    run(["npx", "vite", "build", "--outDir", str(out)], folder)
    built = {file.name: file.read_bytes() for file in out.iterdir()}
    kept = {file.name: file.read_bytes() for file in STATIC.iterdir()}
    assert sorted(built) == sorted(kept)
    assert [name for name in built if built[name] != kept[name]] == [], "run `make page`"


@pytest.mark.usefixtures("packages")
def test_the_sources_are_tidy(tmp_path: Path) -> None:
    run(["npx", "biome", "check", "--error-on-warnings"], workshop(tmp_path))


def test_nothing_is_inline_or_from_elsewhere() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    assert re.findall(r"<style|style=|<script(?![^>]*src=)[^>]*>|\bon\w+=", page) == []
    assert {path.split("/")[0] for path in re.findall(r'(?:src|href)="([^"]*)"', page)} == {"."}


def test_every_version_is_pinned() -> None:
    package = json.loads((SOURCES / "package.json").read_text("utf-8"))
    versions = [*package["dependencies"].values(), *package["devDependencies"].values()]
    assert [version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_files_are_short() -> None:
    files = [*SOURCES.glob("src/**/*.ts*"), *SOURCES.glob("src/**/*.css")]
    assert [file.name for file in files if len(file.read_text("utf-8").splitlines()) > 300] == []


def test_licences_of_what_is_built_in_are_there() -> None:
    told = (STATIC / "licenses.md").read_text("utf-8")
    for name in json.loads((SOURCES / "package.json").read_text("utf-8"))["dependencies"]:
        assert name in told
