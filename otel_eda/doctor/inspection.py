"""What is instrumented in an environment, or in a program that is run for that."""

from __future__ import annotations

import importlib
import json
import logging
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from otel_eda import config, status, suite
from otel_eda.launcher import launched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_eda.core import Library
    from otel_eda.status import Status


def of_environment() -> Status:
    """Import every library that is installed, instrument it, put every original back, and return what was patched."""
    for library in suite.LIBRARIES.values():
        if status.installed(library.distribution):
            _import(library)
    with _quiet():
        suite.enable()
    try:
        here = status.process_status(suite.LIBRARIES.values())
    finally:
        suite.disable()
    # Nobody has configured the SDK in here, and what is imported is what we are made of.
    return here | {"spans": None, "metrics": None, "not covered": []}


def of_command(command: Sequence[str]) -> Status:
    """Run an application under the launcher and return the status it leaves at its end; raises `OSError`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "status.json")
        environ = os.environ | {config.variable("report"): str(file)}
        ended = subprocess.run(launched(*command), env=environ, check=False).returncode
        if not file.exists():
            raise OSError(f"the application left no report: it ended with status {ended}, or was killed")
        left: Status = json.loads(file.read_text(encoding="utf-8"))
    return left | {"program": True}


def _import(library: Library) -> None:
    for place in library.places():
        try:
            importlib.import_module(place.target.partition(":")[0])
        except Exception as error:  # noqa: BLE001, PERF203  # whatever it raises is the finding
            if _foreign(error, library) or place.target.endswith("?"):
                continue
            library.refused[place.target.partition(":")[0]] = f"it cannot be imported: {error}"


def _foreign(error: Exception, library: Library) -> bool:
    # A part of the library for something that is not installed: the application cannot use it either.
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return missing is not None and missing.partition(".")[0] != library.package


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("otel_eda")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
