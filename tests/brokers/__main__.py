"""Builds what the tests run against ahead of them: `python -m tests.brokers`."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from . import collector, exporter, jaeger, kafka, postgresql, prometheus, rabbitmq
from .tools import BuildError, MissingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def main() -> int:
    """Build all parts at once; a missing tool is an error in CI alone."""
    with ThreadPoolExecutor() as pool:
        return max(pool.map(_build_all, PARTS))


def _build_all(parts: list[Callable[[], Path]]) -> int:
    return max(map(_build, parts))


def _build(part: Callable[[], Path]) -> int:
    try:
        print(f"ready: {part()}", flush=True)
    except MissingError as error:
        print(f"missing: {error}", file=sys.stderr, flush=True)
        return 1 if os.environ.get("CI") else 0
    except BuildError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


# The collector after Jaeger, most of whose packages are its own: Go compiles them once.
PARTS: list[list[Callable[[], Path]]] = [
    [kafka.classes],
    [jaeger.binary, collector.binary, exporter.binary],
    [rabbitmq.program],
    [postgresql.program],
    [prometheus.program],
]

if __name__ == "__main__":
    sys.exit(main())
