"""The page that is in the package is the one that its sources make."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .server import STATIC

SOURCES = Path(__file__).parents[2] / "page"
OLDEST_NODE = (20, 19)


def node() -> tuple[int, int]:
    """Return the version of node, (0, 0) without one."""
    if not shutil.which("node") or not shutil.which("npm"):
        return (0, 0)
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    major, minor, _ = re.findall(r"\d+", told)
    return int(major), int(minor)


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def packages() -> None:
    """Have the packages of the lock file beside the sources."""
    if node() < OLDEST_NODE:
        pytest.skip(f"node is not there, or older than {'.'.join(map(str, OLDEST_NODE))}")
    lock, installed = SOURCES / "package-lock.json", SOURCES / "node_modules" / ".package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", "--prefer-offline", "--ignore-scripts")


@pytest.mark.usefixtures("packages")
def test_the_sources_make_what_is_in_the_package(tmp_path: Path) -> None:
    run("npx", "tsc", "--noEmit")
    run("npx", "vite", "build", "--outDir", str(tmp_path), "--emptyOutDir")
    built = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    kept = {file.name: file.read_bytes() for file in STATIC.iterdir()}
    assert sorted(built) == sorted(kept)
    assert [name for name in built if built[name] != kept[name]] == [], "run `npm run build` in page/"


@pytest.mark.usefixtures("packages")
def test_the_sources_are_tidy() -> None:
    run("npx", "biome", "check", "--error-on-warnings")


def test_nothing_is_inline_or_from_elsewhere() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    assert re.findall(r"<style|style=|<script(?![^>]*src=)[^>]*>|\bon\w+=", page) == []
    assert {path.split("/")[0] for path in re.findall(r'(?:src|href)="([^"]*)"', page)} == {"."}


def test_every_version_is_pinned() -> None:
    package = json.loads((SOURCES / "package.json").read_text("utf-8"))
    versions = [*package["dependencies"].values(), *package["devDependencies"].values()]
    assert [version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_files_are_short() -> None:
    files = [*SOURCES.glob("src/**/*.ts*")]
    assert [file.name for file in files if len(file.read_text("utf-8").splitlines()) > 300] == []


def test_licences_of_what_is_built_in_are_there() -> None:
    told = (STATIC / "licenses.md").read_text("utf-8")
    for name in json.loads((SOURCES / "package.json").read_text("utf-8"))["dependencies"]:
        assert name in told
