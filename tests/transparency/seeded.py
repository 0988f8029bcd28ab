"""A plugin for pytest that makes what is random at collection the same each time, since tests are named by it."""

from __future__ import annotations

import random

SEED = 7


def pytest_collectstart() -> None:
    random.seed(SEED)


def pytest_collection_finish() -> None:
    random.seed()
