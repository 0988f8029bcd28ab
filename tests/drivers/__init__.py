"""What the contract suite knows of each library: one module per library, each with one `DRIVER`.

Nothing here imports a library before its driver is asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
import warnings

from drivers.base import Driver


def names() -> list[str]:
    """Give the names of the driver modules."""
    return sorted(
        found.name
        for found in pkgutil.iter_modules(__path__)
        if found.name != "base" and not found.name.startswith("_")
    )


def load(name: str) -> Driver:
    """Import a driver, and with it its library."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a library does while it is imported is its own affair
        driver = importlib.import_module(f"{__name__}.{name}").DRIVER
    assert isinstance(driver, Driver)
    return driver


def every() -> list[Driver]:
    """Import all of them."""
    return [load(name) for name in names()]
