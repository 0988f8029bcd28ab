"""`python -m otel_eda.doctor [--json] [-- COMMAND …]`: the doctor, where the extra `cli` is not installed."""

from __future__ import annotations

import sys

from otel_eda.diagnosis import UNUSABLE

from .examination import examine

USAGE = "usage: python -m otel_eda.doctor [--json] [-- COMMAND ...]"


def main(arguments: list[str]) -> int:
    """Print the report, and return the exit status of `otel-eda doctor`."""
    as_json = arguments[:1] == ["--json"]
    command = arguments[as_json:]
    if command[:1] == ["--"]:
        command = command[1:]
    elif command[:1] and command[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return UNUSABLE
    try:
        return examine(command, as_json)
    except OSError as error:
        print(f"otel-eda: {error}", file=sys.stderr)
        return UNUSABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
