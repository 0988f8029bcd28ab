"""A plugin's object connects its method and is forgotten, whereupon nobody hears the signal; its twin's is kept."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("blinker",)


def play(books: Books, library: str, faulty: bool) -> None:
    books.run("cms", cms, faulty)


class SearchIndex:
    """A plugin."""

    def __init__(self, signal: Any, weak: bool) -> None:
        self.pages: set[str] = set()
        signal.connect(self.add, weak=weak)

    def add(self, _: object, page: str) -> None:
        self.pages.add(page)


def load_plugins(signal: Any, weak: bool) -> None:
    for plugin in (SearchIndex,):
        plugin(signal, weak)


def cms(faulty: bool) -> None:
    from blinker import signal

    published, previewed = signal("page-published"), signal("page-previewed")
    load_plugins(published, weak=faulty)
    for number in range(15):
        if number % 5 == 2:
            gc.collect()
        if not published.send("editor", page=f"/p/{number}"):
            note("unhandled", number, to="page-published")
        if not faulty and previewed.has_receivers_for("editor"):
            previewed.send("editor", page=f"/p/{number}")
