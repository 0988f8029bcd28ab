"""Finds scenarios, plays them, has their telemetry diagnosed, and scores what is said."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product, zip_longest
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from . import truth
from .program import GRACE
from .score import FAULTY, SOUND, Score, broken, scored
from .stage import Lab, stage
from .strangers import diary, verdicts
from .strangers.books import Books
from .strangers.mix import mixes
from .strangers.settle import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .stage import Stage

HERE = Path(__file__).parent
DIARIES = "diaries"
_TURNS: dict[object, Lock] = defaultdict(Lock)
ALL = 100_000  # occurrences: each one's message is looked at
PATIENCE = 120.0  # seconds


@dataclass(frozen=True)
class Scenario:
    """A file of scenarios: what happens in it, and how it is played."""

    name: str
    kind: str
    about: str
    play: Callable[[Stage], None]
    grace: float = GRACE


def scenarios(chosen: Iterable[str] = ()) -> list[Scenario]:
    """Give those whose name has one of the chosen words in it, or all."""
    words = list(chosen)
    files = [(kind, path.stem) for kind in (FAULTY, SOUND) for path in sorted(HERE.glob(f"{kind}/[!_]*.py"))]
    every = [*(_scenario(*file) for file in files), *strangers()]
    return [one for one in every if not words or any(word in one.name for word in words)]


def strangers() -> list[Scenario]:
    """Give the strangers' programs, each with each of its libraries, with its fault and as its sound twin.

    Those of one kind are far from each other, since they do not play at once.
    """
    kinds = (_twins(path.stem) for path in sorted(HERE.glob("strangers/kinds/[!_]*.py")))
    return [one for turn in zip_longest(*kinds) for one in turn if one is not None]


def _twins(name: str) -> Iterator[Scenario]:
    module = importlib.import_module(f"faultlab.strangers.kinds.{name}")
    about = (module.__doc__ or "").strip()
    for library, kind in product(module.LIBRARIES, (FAULTY, SOUND)):
        full = f"strangers/{name}/{library}-{kind}"
        yield Scenario(full, kind, about, partial(_play_stranger, module.play, full, library, kind == FAULTY), 0.0)


def mixed(number: int, seed: int) -> list[Scenario]:
    """Give so many mixes of strangers, drawn at random by that seed."""
    drawn = enumerate(mixes(strangers(), number, seed), 1)
    return [Scenario(f"strangers/mix-{seed}-{at}", mix.kind, mix.about, mix.play, 0.0) for at, mix in drawn]


def _play_stranger(play: Callable[..., None], name: str, library: str, faulty: bool, stage: Stage) -> None:
    # Programs of one kind are in one consumer group, so one at a time: they would take each other's partitions.
    with _TURNS[play]:
        play(Books(stage, stage.folder / DIARIES / f"{name.replace('/', '.')}.jsonl"), library, faulty)


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
        findings = diagnosed(folder, scenario.grace)
    except Exception as error:  # the others go on
        return broken(scenario.name, scenario.kind, f"{type(error).__name__}: {error}")
    return scored(scenario.name, scenario.kind, truths(folder), findings)


def truths(folder: Path) -> list[truth.Truth]:
    """Give what programs noted to be true, and what follows from the diaries of strangers."""
    diaries = sorted((folder / DIARIES).glob("*.jsonl"))
    concluded = (replace(one, program=file.stem) for file in diaries for one in verdicts.truths(diary.read(file)))
    return [*truth.read(folder / "truth.jsonl"), *concluded]


def settled(scenario: Scenario, folder: Path) -> Score:
    """Score once more what a scenario left, when its services have been heard of later, with the default grace."""
    try:
        settle(folder / "telemetry")
        findings = diagnosed(folder, None)
    except Exception as error:
        return broken(scenario.name, scenario.kind, f"{type(error).__name__}: {error}")
    return scored(scenario.name, scenario.kind, truths(folder), findings)


def diagnosed(folder: Path, grace: float | None) -> list[dict[str, Any]]:
    """Have the telemetry in a scenario's folder diagnosed, as anybody would; the report stays there."""
    command = shutil.which("otel-eda", path=str(Path(sys.executable).parent)) or "otel-eda"
    options = ["--format", "json", "--fail-on", "never", "--evidence", str(ALL)]
    options += [] if grace is None else ["--grace", str(grace)]
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
