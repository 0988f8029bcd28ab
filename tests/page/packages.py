"""The packages that the page is built with, and the programs in them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from brokers.cache import built
from brokers.tools import MissingError, run, tool

SOURCES = Path(__file__).parents[2] / "page"
PINS = [SOURCES / name for name in ("package.json", "package-lock.json", ".npmrc")]
OLDEST_NODE = (20, 19)


def packages() -> Path:
    """Return the folder of the packages that are pinned; raises `MissingError` without a Node that is new enough."""
    node = shutil.which("node")
    version = re.findall(r"\d+", run([node, "--version"], SOURCES)) if node and shutil.which("npm") else []
    if tuple(map(int, version[:2])) < OLDEST_NODE:
        raise MissingError(f"the page is built with Node {'.'.join(map(str, OLDEST_NODE))} or newer")
    return built("page", PINS, _install) / "node_modules"


def _install(folder: Path) -> None:
    for pin in PINS:
        shutil.copy(pin, folder)
    run([tool("npm"), "ci", "--ignore-scripts", "--prefer-offline"], folder)


def workshop(folder: Path) -> Path:
    """Return a copy of the page's sources in a folder, beside their packages."""
    copied = shutil.copytree(SOURCES, folder / "page", ignore=shutil.ignore_patterns("node_modules"))
    (copied / "node_modules").symlink_to(packages())
    return copied
