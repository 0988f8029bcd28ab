"""Draws the cells of a mix: as many with faults as with sound oddities only, and each kind as often as the others."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from . import fates, oddities, queues, shapes
from .cell import Cell
from .kafka import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .kafka import Fate

    Play = Callable[[Cell, int], None]

SMALLEST, LARGEST = 90, 120  # messages of a cell, times its size
TIMES = 2  # that a fate befalls a cell


def cells(spans: int, seed: int, size: int = 1) -> Iterator[Cell]:
    """Yield cells until they have so many spans; a cell has a number of messages that grows with the size."""
    made = 0
    for number, play in enumerate(cycle(_kinds())):
        if made >= spans:
            return
        cell = Cell(seed * 1_000_000 + number)
        play(cell, cell.luck.randint(SMALLEST, LARGEST) * size)
        cell.rest()
        made += sum(len(service.spans) for service in cell.world.services)
        yield cell


def _kinds() -> list[Play]:
    """Return every kind of cell, faulty and sound ones in turn."""
    faulty: list[Play] = [*map(_with, fates.FAULTS), *shapes.FAULTS, *queues.FAULTS]
    sound: list[Play] = [*map(_with, fates.SOUND), *shapes.SOUND, *oddities.SOUND, *queues.SOUND]
    others = cycle(sound)
    return [play for one in faulty for play in (one, next(others))]


def _with(fate: Fate) -> Play:
    """Return a cell with a topic, some of whose messages have that fate; some of the others a sound one."""

    def play(cell: Cell, number: int) -> None:
        turns = cell.luck.sample(range(6, number - 6), 2 * TIMES)
        other = cell.luck.choice(fates.SOUND)
        chosen = {turn: fate if place < TIMES else other for place, turn in enumerate(turns)}
        Topic(cell, number, fates=chosen).play()

    return play
