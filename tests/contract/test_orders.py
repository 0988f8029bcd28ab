"""The library may be imported, clients made, and the instrumentation switched in any order: each in its own process."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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


def run(driver: Driver, address: str, destination: str, steps: tuple[str, ...]) -> dict[str, object]:
    """Have a process of its own take the steps; give its report."""
    name = type(driver).__module__.rpartition(".")[2]
    package = Path(*otel_eda.__path__).parent
    environ = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-m", "support.application", name, driver.module, address, destination, *steps],
        cwd=TESTS,
        env={
            **environ,
            "PYTHONPATH": os.pathsep.join(map(str, (TESTS, package))),
            "OTEL_EDA_STRICT": "1",
            **driver.settings,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    report: dict[str, object] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("steps", FEW, ids=" ".join)
def test_it_can_be_enabled_at_any_time(bus: Bus, driver: Driver, steps: tuple[str, ...]) -> None:
    check(bus, driver, steps)


@pytest.mark.once  # it is one library that is switched
@pytest.mark.parametrize("steps", ORDERS, ids=" ".join)
def test_every_order_gives_single_spans(bus: Bus, driver: Driver, steps: tuple[str, ...]) -> None:
    check(bus, driver, steps)


def check(bus: Bus, driver: Driver, steps: tuple[str, ...]) -> None:
    """Have a process take the steps, and hold its report against what is due."""
    switches = [step for step in steps if step not in CLIENT]
    report = run(driver, bus.address, bus.destination, steps)
    if switches[-1] == "enable":
        traces = 1 if Can.CONTEXT in driver.can else 2
        assert report == {"early": False, "operations": ["send", "process"], "traces": traces}
    else:
        assert report == {"early": False, "operations": [], "traces": 0}
