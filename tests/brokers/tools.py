"""The programs that build and run the real parts: found, or named with what installs them."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TAIL = 4000  # characters of a failed program's output worth reading
GO = (1, 26)
INSTALL = {
    "java": "apt-get install openjdk-17-jdk-headless maven",
    "mvn": "apt-get install openjdk-17-jdk-headless maven",
    "erl": "apt-get install rabbitmq-server",
    "rabbitmq-server": "apt-get install rabbitmq-server",
    "initdb": "apt-get install postgresql",
    "postgres": "apt-get install postgresql",
    "prometheus": "apt-get install prometheus",
    "promtool": "apt-get install prometheus",
    "amtool": "apt-get install prometheus-alertmanager",
    "chromium": "apt-get install chromium",
    "go": f"unpack Go {GO[0]}.{GO[1]} or newer from https://go.dev/dl into /usr/local",
}


class MissingError(Exception):
    """A program is not installed; the message is one line that says what to install."""


class BuildError(Exception):
    """A build failed; the message ends with what the program wrote."""


def tool(name: str, folder: str = "") -> str:
    """Give the path of a program, which may be in that folder too."""
    found = shutil.which(name, path=folder or None) or shutil.which(name)
    if found is None:
        raise MissingError(f"`{name}` is not on the PATH: {INSTALL[name]}")
    return found


def go(module: Path) -> str:
    """Give the path of a Go that is new enough for the module in that folder."""
    path = tool("go")
    # Asked inside the module, where a Go that can fetch a newer toolchain names that one.
    version = run([path, "env", "GOVERSION"], module).strip()
    numbers = re.match(r"go(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < GO:
        raise MissingError(f"`go` is {version}, which is too old: {INSTALL['go']}")
    return path


def run(command: list[str], folder: Path) -> str:
    """Run a program to its end and give what it wrote."""
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        raise BuildError(f"{' '.join(command)} ended with status {done.returncode}:\n{output[-TAIL:]}")
    return output
