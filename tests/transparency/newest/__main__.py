"""`python -m transparency.newest [NAME…]`: runs the clients' own tests at their newest releases, with us and without.

Each repository is cloned from GitHub, unless `--source NAME=FOLDER` or `$OTEL_EDA_TEST_SOURCES` (the same, parted by
`:`) names another git repository. The exit status is 1 if a test differs in anything but the header that is added.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from . import report
from .clients import CLIENTS
from .play import Result, played
from .venvs import wheel

ROOT = Path(__file__).parents[3]


def main() -> int:
    """Run the suites, and give 0 if no test differs."""
    options = _options()
    options.keep.mkdir(parents=True, exist_ok=True)
    results = []
    with tempfile.TemporaryDirectory(prefix="suites-") as folder:
        ours = wheel(ROOT, Path(folder))
        for name in options.name or CLIENTS:
            results.append(_played(name, options, ours))
            print(*report.details(results[-1], CLIENTS[name].left_out), sep="\n", flush=True)
    print("", *report.table(results), sep="\n")
    return any(result.differing for result in results)


def _played(name: str, options: argparse.Namespace, ours: Path) -> Result:
    client = CLIENTS[name]
    source = options.source.get(name, f"https://github.com/{client.repository}")
    return played(name, client, source, options.keep.resolve(), ours)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m transparency.newest", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"only these: {', '.join(CLIENTS)}")
    parser.add_argument("--source", action="append", default=[], metavar="NAME=FOLDER", help="not from GitHub")
    parser.add_argument("--keep", type=Path, default=ROOT / ".venv" / "suites", metavar="FOLDER", help="for clones")
    options = parser.parse_args()
    given = filter(None, os.environ.get("OTEL_EDA_TEST_SOURCES", "").split(os.pathsep))
    options.source = dict(each.split("=", 1) for each in (*given, *options.source))
    if unknown := {*options.name, *options.source} - CLIENTS.keys():
        parser.error(f"not known: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
