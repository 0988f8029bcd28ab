from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import drivers
import pytest
from drivers.base import Shape
from opentelemetry import context
from support import recorder as recorder_
from support.bus import Bus
from support.conventions import broken_rules
from support.recorder import Recorder, recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet
    from drivers.base import Consumer, Driver

LIBRARIES_OWN = (
    "ignore:unclosed <socket:ResourceWarning",  # kafka-python 3 leaves one now and then
    "ignore:_SixMetaPathImporter:ImportWarning",  # what kafka-python 2.0 brings along is too old for Python 3.10
)
MARKERS = (
    "needs(*abilities): generated for the drivers that have all these abilities",
    "shapes(*shapes): generated for these shapes of consumption only, where a driver has them",
    "once: generated for the first driver of each library only",
)


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    for warning in LIBRARIES_OWN:
        config.addinivalue_line("filterwarnings", warning)


@cache
def every_driver() -> list[Driver]:
    """Import the libraries: not before tests are collected, for pytest itself still imports what may be missing."""
    return drivers.every()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate a test for each driver that can what it needs, and for each of its shapes if the test asks for one."""
    if "driver" not in metafunc.fixturenames:
        return
    every = every_driver()
    if metafunc.definition.get_closest_marker("once"):
        every = [*{driver.library: driver for driver in reversed(every)}.values()]
    able = [driver for driver in every if _marked(metafunc, "needs") <= driver.can]
    chosen = _marked(metafunc, "shapes") or set(Shape)
    cases = [(driver, shape) for driver in able for shape in driver.shapes if shape in chosen]
    if "shape" in metafunc.fixturenames:
        pairs = [_param(f"{driver.name}-{shape.value}", driver, shape) for driver, shape in cases]
        metafunc.parametrize(("driver", "shape"), pairs)
    else:
        fit = [driver for driver in able if driver in {driver for driver, _ in cases}]
        metafunc.parametrize("driver", [_param(driver.name, driver) for driver in fit])


def _param(name: str, driver: Driver, *more: object) -> ParameterSet:
    marks = [pytest.mark.skip(driver.absent)] if driver.absent else []
    return pytest.param(driver, *more, id=name, marks=marks)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have what processes by hand come last: a process that does so once reports its loops' spans later ever after."""
    items.sort(key=lambda item: "test_by_hand" in item.nodeid)


def _marked(metafunc: pytest.Metafunc, name: str) -> set[object]:
    return {value for marker in metafunc.definition.iter_markers(name) for value in marker.args}


@pytest.fixture(autouse=True)
def no_leaked_context() -> Iterator[None]:
    """Check that after each test, whatever it did, the context is what it was."""
    before = context.get_current()
    yield
    assert context.get_current() == before


@pytest.fixture
def bus(driver: Driver, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    """Make destinations and clients of the driver's library at its broker."""
    monkeypatch.setattr(recorder_, "SETTINGS", dict(driver.settings))
    address = request.getfixturevalue(driver.broker).address
    made = Bus(driver, address, request.getfixturevalue(driver.destinations))
    yield made
    made.close()


@pytest.fixture
def consumer(bus: Bus) -> Consumer:
    """A consumer of the one destination, in no group."""
    return bus.consumer()


@pytest.fixture
def recorder(bus: Bus) -> Iterator[Recorder]:
    """Instrument everything; when all clients are closed, no span may be open."""
    with recording() as made:
        yield made
        bus.close()
        assert not made.open()
        assert not [wrong for span in made.ours() for wrong in broken_rules(span)]
