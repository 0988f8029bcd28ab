"""What the contract suite knows of each event emitter: one module for each, with one `DRIVER`.

Nothing here imports a library before its driver is asked for.
"""

from __future__ import annotations

import importlib
import pkgutil

from emitters.base import EmitterDriver


def names() -> list[str]:
    """Give the names of the driver modules."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if found.name != "base")


def every() -> list[EmitterDriver]:
    """Import all of them."""
    found = [importlib.import_module(f"{__name__}.{name}").DRIVER for name in names()]
    assert all(isinstance(driver, EmitterDriver) for driver in found)
    return found
