"""What was built once is kept outside the repository and shared by every checkout."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def home() -> Path:
    """Give the cache's folder: `$OTEL_EDA_CACHE`, else `otel-eda` in the user's cache folder."""
    given = os.environ.get("OTEL_EDA_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(base, "otel-eda")


def path(name: str, sources: Iterable[Path]) -> Path:
    """Give the folder of what is built from those sources, built or not."""
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    return home() / f"{name}-{digest[:16]}"


def built(name: str, sources: Iterable[Path], build: Callable[[Path], None]) -> Path:
    """Give the folder of what is built from those sources; `build` fills it if there is none."""
    target = path(name, sources)
    if target.exists():
        return target
    with locked(home() / f"{name}.lock"):
        if not target.exists():
            _fill(target, build)
    return target


def _fill(target: Path, build: Callable[[Path], None]) -> None:
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)  # left by a build that was killed
    partial.mkdir()
    print(f"building {target}, once …", file=sys.stderr, flush=True)
    try:
        build(partial)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Let one process at a time into the block; the kernel frees the lock of a process that was killed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
