"""The newest release that a git repository has a tag of, and a clone of it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

RELEASE = re.compile(r"refs/tags/(v?(\d+(?:\.\d+)+))(?:\^\{\})?")  # not one that comes before a release, like 2.0rc1
FETCH = 600.0  # seconds


class NotRunError(Exception):
    """A suite cannot run; the message is a line that says why."""


def newest(source: str) -> tuple[str, str]:
    """Give the newest release's tag and version."""
    found = [match for line in git("ls-remote", "--tags", source).splitlines() if (match := RELEASE.search(line))]
    whole = [match for match in found if match.end() == len(match.string)]
    if not whole:
        raise NotRunError(f"{source} has no tag of a release")
    tag, version = max((match.groups() for match in whole), key=lambda groups: numbers(groups[1]))
    return tag, version


def numbers(version: str) -> tuple[int, ...]:
    """Read a version to compare it by."""
    return tuple(map(int, version.split(".")))


def clone(source: str, tag: str, folder: Path) -> Path:
    """Give a folder with the files of a tag, fetched unless it is there."""
    if not folder.exists():
        # Of a folder of this machine git would take all that there is.
        local = Path(source)
        partial = folder.with_name(f"{folder.name}.partial")
        git(
            "clone",
            "--quiet",
            "--depth=1",
            f"--branch={tag}",
            local.resolve().as_uri() if local.exists() else source,
            str(partial),
        )
        partial.rename(folder)
    return folder


def git(*arguments: str) -> str:
    """Run git, and give what it wrote."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=FETCH, check=False)
    except FileNotFoundError:
        raise NotRunError("`git` is not on the PATH: apt-get install git") from None
    except subprocess.TimeoutExpired:
        raise NotRunError(f"git {arguments[0]} took more than {FETCH:.0f} s") from None
    if done.returncode:
        raise NotRunError(f"git {arguments[0]}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return done.stdout
