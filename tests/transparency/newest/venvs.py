"""A virtual environment for each suite: the released client, what its tests need, and us."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import product
from typing import TYPE_CHECKING

from .tags import NotRunError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OURS = ("pytest", "pytest-timeout", "opentelemetry-sdk")
INSTALL = 1200.0  # seconds
LATEST = 20  # minor versions of Python that are looked for
REQUIRES = re.compile(r"requires-python\s*=\s*[\"']>=\s*3\.(\d+)")
QUIET = ("--quiet", "--disable-pip-version-check")


def interpreter(original: Path) -> str:
    """Give the Python to run a client's tests on: this one, or the first that is new enough."""
    read = REQUIRES.search((original / "pyproject.toml").read_text("utf-8"))
    least = int(read[1]) if read else 0
    if sys.version_info.minor >= least:
        return sys.executable
    folders = os.environ.get("PATH", "").split(os.pathsep)
    for minor, folder in product(range(least, LATEST), folders):
        found = shutil.which(f"python3.{minor}", path=folder)
        if found and answers(found):
            return found
    raise NotRunError(f"Python 3.{least} or newer is needed, and is not on the PATH")


def answers(python: str) -> bool:
    """Tell whether it runs; one that a version manager keeps switched off does not."""
    command = [python, "-c", "import ensurepip, venv"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def wheel(root: Path, folder: Path) -> Path:
    """Build our own package."""
    pip(sys.executable, root, "wheel", "--no-deps", f"--wheel-dir={folder}", str(root))
    return next(folder.glob("otel_eda-*.whl"))


def venv(folder: Path, original: Path, wanted: Sequence[str], ours: Path) -> str:
    """Give the Python of an environment with the packages that are wanted, made unless it is there, and us anew."""
    python = str(folder / "bin" / "python")
    made = folder / ".made"
    if not made.exists() or made.read_text() != repr(wanted):
        run([interpreter(original), "-m", "venv", "--clear", str(folder)], original)
        pip(python, original, "install", *wanted, *OURS, str(ours))
        made.write_text(repr(wanted))
    pip(python, original, "install", "--force-reinstall", "--no-deps", str(ours))
    return python


def pip(python: str, folder: Path, command: str, *arguments: str) -> None:
    """Run pip in a folder, against which it reads paths."""
    run([python, "-m", "pip", command, *QUIET, *arguments], folder)


def run(command: Sequence[str], folder: Path) -> None:
    """Run a program to its end."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL, check=False)
    except subprocess.TimeoutExpired:
        raise NotRunError(f"{' '.join(command[1:4])} took more than {INSTALL:.0f} s") from None
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise NotRunError(f"{' '.join(command[1:4])}: {(told or ['no reason given'])[0]}")
