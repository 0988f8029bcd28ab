"""Handlers veto the removal of a folder by an error, which the dispatcher takes for a no: also errors that are none."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("blinker", "pyee")
ROOTS = 24


class Veto(Exception):  # noqa: N818  # a no is not an error
    """A handler does not want it."""


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("files", {"blinker": by_blinker, "pyee": by_pyee}[library], faulty)


class Folders:
    """Folders with two children; each has an owner, except, since the migration, most of them."""

    def __init__(self, faulty: bool) -> None:
        self.faulty = faulty
        self.removed: set[str] = set()

    def guard(self, path: str) -> None:
        """Veto what is on legal hold."""
        note("began", path)
        number = int(path.split("/")[1])
        owner = None if self.faulty and number % 4 else "anna"
        try:
            owner.upper()  # type: ignore[union-attr]
        except AttributeError:
            note("failed", path)
            raise
        if number % 8 == 4:
            raise Veto(path)
        note("done", path)

    def remove(self, path: str, emit: Callable[[str], None]) -> None:
        """Remove a folder, if nobody has a veto, and its children in the same way."""
        try:
            emit(path)
        except Exception:  # whoever raises has a veto
            return
        self.removed.add(path)
        if path.count("/") < 2:
            for child in ("a", "b"):
                self.remove(f"{path}/{child}", emit)


class Thumbnails:
    """A view that is gone soon, and with it its receiver."""

    def forget(self, *_: object, **__: object) -> None:
        pass


def by_blinker(faulty: bool) -> None:
    from blinker import signal

    removing, removed, folders = signal("folder-removing"), signal("folder-removed"), Folders(faulty)

    def guard(sender: Any, path: str) -> None:
        folders.guard(path)

    def emit(path: str) -> None:
        removing.send("files", path=path)
        if removed.receivers:
            removed.send("files", path=path)

    removing.connect(guard)
    view = Thumbnails()
    removed.connect(view.forget)
    for number in range(ROOTS):
        if number == ROOTS // 2:
            del view
            gc.collect()
        folders.remove(f"/{number}", emit)


def by_pyee(faulty: bool) -> None:
    from pyee.base import EventEmitter

    bus, folders, view = EventEmitter(), Folders(faulty), Thumbnails()
    bus.on("folder-removing", folders.guard)
    bus.once("folder-removed", view.forget)

    def emit(path: str) -> None:
        bus.emit("folder-removing", path)
        if bus.listeners("folder-removed"):
            bus.emit("folder-removed", path)

    for number in range(ROOTS):
        folders.remove(f"/{number}", emit)
