from __future__ import annotations

from typing import TYPE_CHECKING

import emitters
import pytest
from support.recorder import Recorder, recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emitters.base import Emitter, EmitterDriver, How


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate a test for each emitter that has what it needs, and for each way in which its receivers run."""
    needed = {value for marker in metafunc.definition.iter_markers("needs") for value in marker.args}
    fit = [driver for driver in emitters.every() if needed.isdisjoint(driver.cannot)]
    if "how" in metafunc.fixturenames:
        cases = [(driver, how) for driver in fit for how in driver.hows]
        metafunc.parametrize(("kind", "how"), cases, ids=[f"{driver.name}-{how.value}" for driver, how in cases])
    elif "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", fit, ids=[driver.name for driver in fit])


@pytest.fixture
def emitter(kind: EmitterDriver, how: How) -> Iterator[Emitter]:
    made = kind.emitter(how)
    yield made
    made.close()


@pytest.fixture
def recorder(kind: EmitterDriver) -> Iterator[Recorder]:
    with recording() as made:
        yield made
        assert not made.open()
