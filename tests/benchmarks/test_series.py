"""The count of series is made of a client that really sends and receives, and does not grow unnoticed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 60


def test_the_series_of_a_client_are_counted() -> None:
    command = [sys.executable, "-m", "bench.series", "pyzmq"]
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout
    row = re.search(r"^\| pyzmq \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", printed, re.MULTILINE)
    assert row is not None, printed
    points, series, of_histograms, _ = map(int, row.groups())
    assert points < of_histograms < series <= MOST
    assert f"{row[0]}\n" in (ROOT / "docs" / "rollout.md").read_text("utf-8")
