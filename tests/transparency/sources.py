"""Source distributions of the libraries, fetched once, for the tests they carry."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from importlib.util import find_spec
from typing import TYPE_CHECKING

from brokers import cache
from brokers.tools import MissingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FETCH = 180.0  # seconds
QUIET = ("--quiet", "--disable-pip-version-check")


def source(name: str, version: str) -> Path:
    """Give the folder of an unpacked source distribution; raises `MissingError` where there is no way to fetch it."""
    return next(cache.built(f"{name}-{version}", [], _fetch(name, version)).glob("*/"))


def _fetch(name: str, version: str) -> Callable[[Path], None]:
    def fetch(folder: Path) -> None:
        wanted = f"{name}=={version}"
        _pip(wanted, "download", *QUIET, f"--no-binary={name}", "--no-deps", f"--dest={folder}", wanted)
        (archive,) = folder.glob("*.tar.gz")
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
        archive.unlink()

    return fetch


def packages(library: str, names: tuple[str, ...]) -> Path:
    """Give a folder of packages that a library's own tests need beside ours; raises `MissingError` likewise."""
    wanted = ", ".join(names)
    return cache.built(
        f"{library}-tests-need-{sys.implementation.cache_tag}",
        [],
        lambda folder: _pip(wanted, "install", *QUIET, f"--target={folder}", *names),
    )


def _pip(wanted: str, *arguments: str) -> None:
    if find_spec("pip") is None:
        raise MissingError("pip, which fetches the libraries' own tests, is not installed: pip install pip")
    command = [sys.executable, "-m", "pip", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH, check=False)
    except subprocess.TimeoutExpired:
        raise MissingError(f"{wanted} could not be fetched in {FETCH:.0f} s") from None
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MissingError(f"{wanted} could not be fetched from the package index: {why}")
