"""Shows on a terminal how far a command is: it is drawn on standard error and removed when it is done."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from rich.progress import Progress

    from otel_eda.diagnosis.store import Source, Store

LOOK_SECONDS = 0.2


@contextmanager
def steps(number: int) -> Iterator[Callable[[str], None]]:
    """Yield what is called with the name of each step as it begins."""
    with _bar() as bar:
        if bar is None:
            yield lambda _: None
            return
        task = bar.add_task("preparing", total=number)
        yield lambda what: bar.update(task, advance=1, description=what)


@contextmanager
def shown(store: Store, sources: Iterable[Source]) -> Iterator[Iterable[Source]]:
    """Yield the sources, and show in bytes how much of their files is read: first found, then loaded."""
    with _bar() as bar:
        if bar is None:
            yield sources
            return
        reading, done = _Reading(store, bar), threading.Event()
        thread = threading.Thread(target=reading.watch, args=(done,), daemon=True)
        thread.start()
        try:
            yield reading.noted(sources)
        finally:
            done.set()
            thread.join()


class _Reading:
    """How many bytes of files were found, and how much of them is loaded."""

    def __init__(self, store: Store, bar: Progress) -> None:
        self.connection, self.spool, self.bar = store.connection, store.spool, bar
        for setting in ("enable_progress_bar = true", "enable_progress_bar_print = false"):  # it is measured, not drawn
            self.connection.execute(f"SET {setting}")
        self.task = bar.add_task("looking through", total=None)
        self.in_place = 0  # bytes of files that are read where they are
        self.found = False

    @property
    def bytes(self) -> int:
        """All that was found so far, and what is being fetched or made of files in another form."""
        return self.in_place + sum(path.lstat().st_size for path in self.spool.rglob("*") if path.is_file())

    def noted(self, sources: Iterable[Source]) -> Iterator[Source]:
        for source in sources:
            yield _Noted(source, self)
        self.found = True

    def watch(self, done: threading.Event) -> None:
        """Draw until it is done: where DuckDB is in the statement that loads is where it is in the files."""
        from rich.filesize import decimal

        most, size = 0.0, 0
        while not done.wait(LOOK_SECONDS):
            if self.found:
                most = max(most, self.connection.query_progress() / 100)
                size = size or self.bytes
                read = f"reading {decimal(round(most * size))} of {decimal(size)}"
                self.bar.update(self.task, total=1.0, completed=most, description=read)
            else:
                self.bar.update(self.task, description=f"looking through {decimal(self.bytes)}")


class _Noted:
    """A source whose files are counted when they are taken, but for those in the spool."""

    def __init__(self, source: Source, reading: _Reading) -> None:
        self.source, self.reading = source, reading

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield the source's files."""
        for path in self.source.files(spool):
            self.reading.in_place += 0 if path.is_relative_to(spool) else path.stat().st_size
            yield path


@contextmanager
def _bar() -> Iterator[Progress | None]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        yield bar
