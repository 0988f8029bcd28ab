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


SHAPES = {
    Shape.LOOP: "`for message in consumer`",
    Shape.ASYNC: "`async for message in consumer`",
    Shape.PULL: "a call that returns one message",
    Shape.BATCH: "a call that returns several messages",
    Shape.CALLBACK: "a callback that the library calls with each message",
}


def told(what: Can | Shape | Has) -> str:
    """Return what a library has not, as the page says it."""
    return SHAPES[what] if isinstance(what, Shape) else what.value


def expected() -> list[list[str]]:
    """Return the table's rows: what is not tested, for which libraries, and why."""
    every: list[Driver | EmitterDriver] = [*drivers.every(), *emitters.every()]
    found: dict[tuple[str, str], list[str]] = {}
    for driver in every:
        for what, why in driver.cannot.items():
            found.setdefault((told(what), why), []).append(driver.name)
    order = list(dict.fromkeys(what for what, _ in found))
    lines = sorted(found.items(), key=lambda item: order.index(item[0][0]))
    return [[what, ", ".join(names), why] for (what, why), names in lines]


def test_the_table_is_what_the_drivers_say() -> None:
    found = list(rows(PROMISES))[2:]
    assert found == expected(), "\n".join(f"| {' | '.join(row)} |" for row in expected())


@pytest.mark.parametrize("driver", drivers.every(), ids=lambda driver: driver.name)
def test_every_shape_is_one_that_the_library_has_or_has_not(driver: Driver) -> None:
    told = {*driver.shapes, *(what for what in driver.cannot if isinstance(what, Shape))}
    assert told | {Shape.ASYNC} == set(Shape)  # that is what an asynchronous library has in place of a loop
    assert set(driver.shapes).isdisjoint(driver.cannot)
