"""Finds scenarios, plays them, has their telemetry diagnosed, and scores what is said."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import truth
from .program import GRACE
from .score import FAULTY, SOUND, Score, broken, scored
from .stage import Lab, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .stage import Stage

HERE = Path(__file__).parent
ALL = 100_000  # occurrences: each one's message is looked at
PATIENCE = 120.0  # seconds


@dataclass(frozen=True)
class Scenario:
    """A file of scenarios: what happens in it, and how it is played."""

    name: str
    kind: str
    about: str
    play: Callable[[Stage], None]


def scenarios(chosen: Iterable[str] = ()) -> list[Scenario]:
    """Give those whose name has one of the chosen words in it, or all."""
    words = list(chosen)
    files = [(kind, path.stem) for kind in (FAULTY, SOUND) for path in sorted(HERE.glob(f"{kind}/[!_]*.py"))]
    return [_scenario(*file) for file in files if not words or any(word in "/".join(file) for word in words)]


def _scenario(kind: str, name: str) -> Scenario:
    module = importlib.import_module(f"faultlab.{kind}.{name}")
    return Scenario(f"{kind}/{name}", kind, (module.__doc__ or "").strip(), module.play)


def played(wanted: Iterable[Scenario], folder: Path, jobs: int, again: bool = False) -> Iterator[Score]:
    """Play scenarios, so many at once, or only diagnose again what they left; gives the scores in order."""
    with Lab(folder) as lab, ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda one: score(None if again else lab, one, folder / one.name), wanted)


def score(lab: Lab | None, scenario: Scenario, folder: Path) -> Score:
    """Play one scenario, if there is a lab to do so, and score what is found in what it left."""
    try:
        if lab is not None:
            with stage(lab, folder) as made:
                scenario.play(made)
        findings = diagnosed(folder)
    except Exception as error:  # the others go on
        return broken(scenario.name, scenario.kind, f"{type(error).__name__}: {error}")
    return scored(scenario.name, scenario.kind, truth.read(folder / "truth.jsonl"), findings)


def diagnosed(folder: Path) -> list[dict[str, Any]]:
    """Have the telemetry in a scenario's folder diagnosed, as anybody would; the report stays there."""
    command = shutil.which("otel-eda", path=str(Path(sys.executable).parent)) or "otel-eda"
    options = ["--format", "json", "--fail-on", "never", "--grace", str(GRACE), "--evidence", str(ALL)]
    report = folder / "findings.json"
    done = subprocess.run(
        [command, "diagnose", str(folder / "telemetry"), *options, "--output", str(report)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    if done.returncode:
        raise AssertionError(f"it ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    findings: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["findings"]
    return findings
