"""The benchmark of light spans measures both ways, and light ones are cheaper."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_light_spans_are_cheaper_in_each_step() -> None:
    command = [sys.executable, "-m", "bench.light_spans", "5"]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    found = re.findall(r"^\| (start to end|encode) \|.*\| ([\d.]+) \|$", printed, re.MULTILINE)
    assert [step for step, _ in found] == ["start to end", "encode"], printed
    assert all(float(ratio) < 0.8 for _, ratio in found), printed
