"""What the contract suite does not test for a library is told, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import drivers
import emitters
import pytest
from drivers.base import Shape

from docs.pages import ROOT, rows

if TYPE_CHECKING:
    from drivers.base import Can, Driver
    from emitters.base import EmitterDriver, Has

PROMISES = ROOT / "docs" / "promises.md"


def told(what: Can | Shape | Has) -> str:
    return f"the shape `{what.value}`" if isinstance(what, Shape) else what.value


def expected() -> list[list[str]]:
    every: list[Driver | EmitterDriver] = [*drivers.every(), *emitters.every()]
    return [[driver.name, told(what), why] for driver in every for what, why in driver.cannot.items()]


def test_the_table_is_what_the_drivers_say() -> None:
    found = list(rows(PROMISES))[2:]
    assert found == expected(), "\n".join(f"| {' | '.join(row)} |" for row in expected())


@pytest.mark.parametrize("driver", drivers.every(), ids=lambda driver: driver.name)
def test_every_shape_is_one_that_the_library_has_or_has_not(driver: Driver) -> None:
    told = {*driver.shapes, *(what for what in driver.cannot if isinstance(what, Shape))}
    assert told | {Shape.ASYNC} == set(Shape)  # that is what an asynchronous library has in place of a loop
    assert set(driver.shapes).isdisjoint(driver.cannot)
