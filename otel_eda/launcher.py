"""OpenTelemetry's launcher, `opentelemetry-instrument`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

LAUNCHER = "opentelemetry-instrument"


def launched(*command: str) -> list[str]:
    """Return the command line that runs a command under the launcher: the one beside this Python, else of the PATH."""
    return [shutil.which(LAUNCHER, path=Path(sys.executable).parent) or LAUNCHER, *command]
