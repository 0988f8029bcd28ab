"""The library may be imported, clients made, and the instrumentation switched in any order: each in its own process."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import Can

import otel_eda

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.base import Driver
    from support.bus import Bus

TESTS = Path(__file__).parents[1]
CLIENT = ("library", "clients")
SWITCHES = (
    ("enable",),
    ("disable", "enable"),
    ("enable", "enable"),
    ("enable", "disable"),
    ("enable", "disable", "enable"),
)


def merges(left: tuple[str, ...], right: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Give every way to do both, each in its own order."""
    size = len(left) + len(right)
    for places in itertools.combinations(range(size), len(left)):
        these, those = iter(left), iter(right)
        yield tuple(next(these if place in places else those) for place in range(size))


FEW = sorted(merges(CLIENT, SWITCHES[0]))
ORDERS = sorted({order for switches in SWITCHES for order in merges(CLIENT, switches)} - {*FEW})


class Applications:
    """Has applications run, by one program that forks a process for each; see `support.application`."""

    def __init__(self) -> None:
        package = Path(*otel_eda.__path__).parent
        environ = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
        self._environ = {**environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{package}", "OTEL_EDA_STRICT": "1"}
        self._program: subprocess.Popen[str] | None = None

    def run(self, driver: Driver, address: str, destination: str, steps: tuple[str, ...]) -> dict[str, object]:
        """Have a process of its own take the steps; return its report."""
        name = type(driver).__module__.rpartition(".")[2]
        arguments = [name, driver.module, address, destination, *steps]
        done = self._answer({"environ": driver.settings, "arguments": arguments})
        assert (done["status"], done["errors"]) == (0, "")
        report: dict[str, object] = json.loads(done["output"])
        return report

    def _answer(self, case: dict[str, object]) -> dict[str, Any]:
        self._program = program = self._program or self._started()
        try:
            print(json.dumps(case), file=program.stdin, flush=True)
            answer: dict[str, Any] = json.loads(program.stdout.readline() if program.stdout else "")
        except BaseException:  # a time limit may be what ends the wait: the next case is not to get this one's answer
            self.close()
            raise
        return answer

    def _started(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "support.application"]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=TESTS, env=self._environ, stdin=pipe, stdout=pipe, text=True, start_new_session=True
        )

    def close(self) -> None:
        """End the program, and what it has forked."""
        program, self._program = self._program, None
        if program:
            with program:
                os.killpg(program.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def applications() -> Iterator[Applications]:
    made = Applications()
    yield made
    made.close()


@pytest.mark.parametrize("steps", FEW, ids=" ".join)
def test_it_can_be_enabled_at_any_time(
    applications: Applications, bus: Bus, driver: Driver, steps: tuple[str, ...]
) -> None:
    check(applications, bus, driver, steps)


@pytest.mark.once  # it is one library that is switched
@pytest.mark.parametrize("steps", ORDERS, ids=" ".join)
def test_every_order_gives_single_spans(
    applications: Applications, bus: Bus, driver: Driver, steps: tuple[str, ...]
) -> None:
    check(applications, bus, driver, steps)


def check(applications: Applications, bus: Bus, driver: Driver, steps: tuple[str, ...]) -> None:
    """Have a process take the steps, and hold its report against what is due."""
    switches = [step for step in steps if step not in CLIENT]
    report = applications.run(driver, bus.address, bus.destination, steps)
    if switches[-1] == "enable":
        traces = 1 if Can.CONTEXT in driver.can else 2
        assert report == {"early": False, "operations": ["send", "process"], "traces": traces}
    else:
        assert report == {"early": False, "operations": [], "traces": 0}
