"""One examination, from the inspection to the printed report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from otel_eda.diagnosis import CLEAN, FOUND

from .endpoint import probe
from .inspection import of_command, of_environment
from .report import notes, problems, text

if TYPE_CHECKING:
    from collections.abc import Sequence


def examine(command: Sequence[str], as_json: bool) -> int:
    """Print the report on a command, or on this environment, and return FOUND if something is not as it should be.

    Raises `OSError` if there is no report.
    """
    status = of_command(list(command)) if command else of_environment()
    status["endpoint"] = probe()
    status["notes"], status["problems"] = notes(status), problems(status)
    print(json.dumps(status, indent=2) if as_json else text(status))
    return FOUND if status["problems"] else CLEAN
