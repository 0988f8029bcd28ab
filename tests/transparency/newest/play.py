"""Plays one client's suite without us and with us, and compares test by test."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from brokers.service import private
from brokers.tools import MissingError

from transparency.suites import PLUGIN, Suite, both, differing, outcome, unequal

from .tags import NotRunError, clone, newest
from .venvs import venv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree import ElementTree

    from .clients import Client, Needed

CHANCES = 2  # more runs of what differs, since some tests depend on the time that things take
SEEDED = ("-p", "seeded")
NEVER_RAN = ("collection failure", "failed on setup")


@dataclass
class Result:
    """What came of one suite; `why` says why it did not run, if it did not."""

    name: str
    tag: str = "-"
    why: str = ""
    outcomes: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)  # of what ran, without us and with
    differing: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)  # what differs, but not if no header is added
    unsteady: list[str] = field(default_factory=list)  # what differed at first alone
    idle: Counter[str] = field(default_factory=Counter)  # reasons why tests did not run, and how many
    spans: int = 0
    messages: dict[str, str] = field(default_factory=dict)  # of tests that failed in the first run, a line of each
    said: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> int:
        """How many tests passed both times."""
        return list(self.outcomes.values()).count(("passed", "passed"))

    @property
    def failed(self) -> Counter[str]:
        """What tests said that failed both times, and how many did: they show nothing of us."""
        alike = (name for name, (bare, with_us) in self.outcomes.items() if bare == with_us != "passed")
        return Counter(self.messages.get(name, "no message") for name in alike)

    @property
    def equal(self) -> int:
        """How many tests came out the same."""
        return len(self.outcomes) - len(self.differing) - len(self.header)


def played(name: str, client: Client, source: str, home: Path, ours: Path) -> Result:
    """Run a suite at its newest tag; `home` keeps clones and environments, `ours` is our wheel."""
    result = Result(name)
    try:
        result.tag, version = newest(source)
        original = clone(source, result.tag, home / f"{name}-{version}")
        wanted = [f"{name}=={version}", *client.needs]
        python = venv(home / f"{name}-{version}-venv", original, wanted, ours)
        Stage(client, original, python).compare(result)
    except (NotRunError, AssertionError) as error:
        result.why = (str(error).strip().splitlines() or ["no reason given"])[-1]
    except subprocess.TimeoutExpired:
        result.why = f"it did not end in {client.patience:.0f} s"
    return result


@dataclass(frozen=True)
class Stage:
    """A client's sources, and the environment to run its tests in."""

    client: Client
    original: Path
    python: str

    def compare(self, result: Result) -> None:
        """Run the tests both ways, each with a broker of its own: both use the same names there."""
        with ExitStack() as stack:
            made = []
            for plugin in ((), PLUGIN):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{result.name}-")))
                suite = self._suite(folder, plugin)
                if self.client.broker:
                    address = stack.enter_context(serving(self.client.broker, folder / "broker"))
                    self._prepare(suite, address, result)
                made.append(suite)
            bare, instrumented = made
            _run(self.client, result, (bare, instrumented))

    def _suite(self, folder: Path, plugin: tuple[str, ...]) -> Suite:
        left_out = [f"--ignore={path}" for path in self.client.left_out]
        suite = Suite(
            folder,
            self.original,
            self.client.tests,
            (*self.client.options, *SEEDED, *left_out, *plugin),
            python=self.python,
        )
        suite.patience = self.client.patience
        if omitted := self.client.omitted:
            (suite.folder / omitted).rename(suite.folder / f"{omitted}-omitted")
        return suite

    def _prepare(self, suite: Suite, address: str | None, result: Result) -> None:
        if address is None:
            result.notes.append("no broker: this machine can start none, and none was given")
        elif self.client.prepare:
            suite.environ |= self.client.prepare(suite.folder, address)


@contextmanager
def serving(needed: Needed, folder: Path) -> Iterator[str | None]:
    """Have a broker of the suite's own, by its address; else the one that was given, if any."""
    try:
        needed.part()
    except MissingError:
        yield os.environ.get(needed.given)
        return
    with private(needed.kind, folder) as server:
        yield server.address


def _run(client: Client, result: Result, suites: tuple[Suite, Suite]) -> None:
    bare, instrumented = both(suites)
    reasons = [unrun(suite) for suite in suites]
    idle = reasons[0].keys() & reasons[1].keys()
    result.idle.update(reasons[1][name] for name in idle)
    result.outcomes = {
        name: (bare.get(name), instrumented.get(name)) for name in {**bare, **instrumented} if name not in idle
    }
    result.messages = {**failures(suites[0]), **failures(suites[1])}
    result.spans, result.said = sum(suites[1].ended().values()), suites[1].said()
    first = different = unequal(bare, instrumented)
    for _ in range(CHANCES):
        different = differing(suites, different)
    seen = [name for name in different if name.partition("[")[0].endswith(client.sees_headers)]
    suites[1].environ["OTEL_PROPAGATORS"] = "none"
    result.header = [name for name in seen if name not in differing(suites, seen)]
    result.differing = [name for name in different if name not in result.header]
    result.unsteady = [name for name in first if name not in different]


def failures(suite: Suite) -> Mapping[str, str]:
    """Give the tests that failed in the last run, with a line of the message."""
    return {
        outcome(case)[0]: told.get("message", "").strip().partition("\n")[0]
        for case in suite.cases()
        for told in case
        if told.tag in {"failure", "error"}
    }


def unrun(suite: Suite) -> Mapping[str, str]:
    """Give the tests that the last run skipped, or could not begin, with the reason."""
    found = {}
    for case in suite.cases():
        reason = next(filter(None, map(_reason, case)), None)
        if reason:
            found[outcome(case)[0]] = reason
    return found


def _reason(told: ElementTree.Element) -> str:
    message = told.get("message", "")
    if told.tag == "skipped":
        return message
    if told.tag == "error" and message.startswith(NEVER_RAN):
        lines = (told.text or message).strip().splitlines()
        errors = [line.removeprefix("E ").strip() for line in lines if line.startswith("E  ")]
        return (errors or lines)[-1]
    return ""
