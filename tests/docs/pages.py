"""The documentation's pages: their code blocks, links and headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+?) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
FILE = re.compile(r"# (\w+\.py)\n")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, why it is not run (empty: it is), and where it stands."""

    language: str
    code: str
    reason: str
    place: str

    @property
    def file(self) -> str | None:
        """The file it is to be saved as, if its first line is a comment that says so."""
        match = FILE.match(self.code)
        return match[1] if match else None


def blocks(page: Path) -> list[Block]:
    """Give a page's code blocks."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            match["language"],
            match["code"],
            match["reason"] or "",
            f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}",
        )
        for match in FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """Give a page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Give the targets of a page's links and pictures."""
    return [match["target"] for match in LINK.finditer(prose(page))]


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    return {_anchor(match[1]) for match in HEADING.finditer(prose(page))}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def rows(page: Path) -> Iterator[list[str]]:
    """Give the cells of every row of a page's tables."""
    for line in prose(page).splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]
