"""Runs pytest on those of the given folders that have tests: `python tests/run.py FOLDER… OPTION…`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def main(arguments: list[str]) -> int:
    """Give pytest's exit status; a folder without tests is named, and if none has any that is no failure."""
    folders = [argument for argument in arguments if argument.startswith("tests/")]
    empty = [folder for folder in folders if not _tested(Path(folder.split("::")[0]))]
    if empty:
        print(f"no tests yet: {' '.join(empty)}", file=sys.stderr)
    if folders and empty == folders:
        return 0
    return pytest.main([argument for argument in arguments if argument not in empty])


def _tested(path: Path) -> bool:
    return path.is_file() or any(path.rglob("test_*.py"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
