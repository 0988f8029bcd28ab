"""Writes the lines of a mix as they may reach a diagnosis: shuffled, in several files, partly packed, and damaged."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .cell import Line

FILES = 8
SHARE = 0.01  # of the lines are damaged
TWICE = 0.005  # of the lines are exported twice, as exporters do that had no answer
GARBAGE = b'\xff\x00"}{\xfe'


@dataclass
class Left:
    """The spans and readings of a mix that are there no more, and the services of each cell that lost a line."""

    gone: set[str] = field(default_factory=set)
    hurt: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    lines: int = 0
    damaged: int = 0


def write(lines: Iterable[Line], folder: Path, seed: int, share: float = SHARE) -> Left:
    """Write the files; return what is left."""
    luck, left, texts = random.Random(seed), Left(), []  # the same again
    for line in lines:
        text = json.dumps(line.request, separators=(",", ":")).encode()
        left.lines += 1
        if luck.random() < share:
            left.damaged += 1
            left.gone |= line.items
            left.hurt[line.cell].add(line.service)
            text = _damaged(text, luck)
        elif luck.random() < TWICE:
            texts.append(text)
        texts.append(text)
    luck.shuffle(texts)
    for number in range(FILES):
        with _opened(folder, number) as file:
            file.write(b"".join(text + b"\n" for text in texts[number::FILES]))
    return left


def _damaged(text: bytes, luck: random.Random) -> bytes:
    """Return a line that was cut off, or of which a piece was overwritten."""
    place = luck.randrange(1, len(text) - len(GARBAGE))
    return text[:place] if luck.random() < 0.5 else text[:place] + GARBAGE + text[place + len(GARBAGE) :]


def _opened(folder: Path, number: int) -> BinaryIO:
    path = folder / f"telemetry-{number}.jsonl"
    if number % 4 == 1:
        return gzip.open(f"{path}.gz", "wb", compresslevel=1)  # type: ignore[return-value]  # it writes as one
    if number % 4 == 3:
        return zstandard.open(f"{path}.zst", "wb")  # type: ignore[no-any-return]
    return path.open("wb")
