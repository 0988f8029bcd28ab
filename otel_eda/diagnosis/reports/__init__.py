"""How findings are shown. A report is a module with `write(diagnosis, store, file, options)`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import argparse

    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.store import Store


def write(name: str, diagnosis: Diagnosis, store: Store, file: TextIO, options: argparse.Namespace) -> None:
    """Write a report in the format of this name."""
    import_module(f"{__name__}.{name}").write(diagnosis, store, file, options)
