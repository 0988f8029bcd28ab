"""The files of the stack, and how they are copied."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

# As pyproject.toml names them, too.
PARTS = (
    "docker-compose.yml",
    "docs/runbooks.md",
    "stack/alertmanager.yml",
    "stack/clickhouse",
    "stack/collector.yaml",
    "stack/grafana",
    "stack/jaeger.yaml",
    "stack/prometheus.yml",
    "stack/rules.yml",
    "stack/thresholds.yml",
)
CARRIED = Path(__file__).parent / "files"
REPOSITORY = Path(__file__).parents[2]
# Containers read the files as users of their own, whatever the `umask` of whoever writes them.
READABLE, ENTERABLE = 0o644, 0o755


def source() -> Path:
    """Return the folder that the files are copied from: the wheel's own, or the repository of an editable install."""
    return CARRIED if CARRIED.is_dir() else REPOSITORY


def names() -> list[str]:
    """Return the path of each file, within the source as within a folder that they are written to."""
    root = source()
    parts = (root / part for part in PARTS)
    found = (file for part in parts for file in (part.rglob("*") if part.is_dir() else [part]))
    return sorted(file.relative_to(root).as_posix() for file in found if not file.is_dir())


def write(folder: Path, *, force: bool) -> Iterator[Path]:
    """Write each file into a folder, and yield where it is.

    Raises `UnusableError` if the folder is a file, or is not empty and nobody forces it.
    """
    if folder.exists() and not folder.is_dir():
        raise UnusableError(f"{folder} is not a folder")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise UnusableError(f"{folder} is not empty; --force writes into it, over files of the same names")
    for name in names():
        yield _copy(source() / name, folder, name)


def _copy(file: Path, folder: Path, name: str) -> Path:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    for made in target.relative_to(folder).parents[:-1]:
        (folder / made).chmod(ENTERABLE)
    shutil.copyfile(file, target)
    target.chmod(READABLE)
    return target
