"""The tests that a library's source distribution carries, run as they are, with us or without."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
PATIENCE = 300.0  # seconds for one run of a suite
FOREIGN = ("OTEL_", "PYTEST_", "KAFKA_", "PYTHONPATH")  # of the environment: they are not meant for these tests
OPTIONS = ("-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", "--timeout=60", "--timeout-method=signal")
PLUGIN = ("-p", "plugin")


class Suite:
    """A copy of a source distribution, to run its tests with us (`plugin`) or without."""

    def __init__(
        self, folder: Path, original: Path, tests: str, plugin: Sequence[str], python: str = sys.executable
    ) -> None:
        self.folder = folder / "suite"
        self.tests = tests
        self.python = python
        self.patience = PATIENCE
        self.spans = folder / "spans.json"
        self.results = folder / "results.xml"
        self.plugin = plugin
        shutil.copytree(original, self.folder)
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.environ |= {"PYTHONPATH": str(HERE), "SPANS": str(self.spans)}

    def outcomes(self, tests: Sequence[str] = ()) -> dict[str, str]:
        """Run those tests, or all; give each one's outcome."""
        self.results.unlink(missing_ok=True)
        done = subprocess.run(
            [
                self.python,
                "-m",
                "pytest",
                *OPTIONS,
                *self.plugin,
                f"--junitxml={self.results}",
                *(tests or [self.tests]),
            ],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=self.patience,
        )
        assert self.results.exists(), f"{done.stdout[-4000:]}{done.stderr[-4000:]}"
        return dict(map(outcome, self.cases()))

    def cases(self) -> Iterator[ElementTree.Element]:
        """Give what pytest wrote of each test of the last run."""
        return ElementTree.parse(self.results).iter("testcase")  # noqa: S314  # pytest wrote it

    def said(self) -> list[str]:
        """Give what we logged while the tests ran with us."""
        read: list[str] = json.loads(self.spans.with_name("said.json").read_text())
        return read

    def ended(self) -> dict[str, int]:
        """Give how many spans there were, by the operation."""
        read: dict[str, int] = json.loads(self.spans.read_text())
        return read


def outcome(case: ElementTree.Element) -> tuple[str, str]:
    """Read one test's id, as pytest takes it, and its outcome."""
    module, *classes = split(case.get("classname", ""))
    name = "::".join([f"{module.replace('.', '/')}.py", *classes, case.get("name", "")])
    told = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
    return name, " and ".join(told) or "passed"


def split(place: str) -> list[str]:
    """Split `test.test_it.TestIt` into its module and its classes, which have a capital letter."""
    parts = place.split(".")
    modules = [part for part in parts if not part[:1].isupper()]
    return [".".join(modules), *(part for part in parts if part[:1].isupper())]


def both(suites: tuple[Suite, Suite], tests: Sequence[str] = ()) -> tuple[dict[str, str], dict[str, str]]:
    """Run tests without us and with us."""
    with ThreadPoolExecutor() as pool:
        bare, instrumented = pool.map(lambda suite: suite.outcomes(tests), suites)
    return bare, instrumented


def unequal(bare: Mapping[str, str], instrumented: Mapping[str, str]) -> list[str]:
    """Name the tests whose outcomes differ, or that one of the two lacks."""
    return [name for name in {**bare, **instrumented} if bare.get(name) != instrumented.get(name)]


def differing(suites: tuple[Suite, Suite], tests: Sequence[str]) -> list[str]:
    """Run these tests once more; name those that still differ, or did not run."""
    if not tests:
        return []
    bare, instrumented = both(suites, tests)
    return [name for name in tests if name not in bare or bare[name] != instrumented.get(name)]
