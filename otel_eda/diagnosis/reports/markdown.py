"""Markdown on a terminal, however narrow: nothing is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.markdown import Markdown, MarkdownElement, TableDataElement

if TYPE_CHECKING:
    from rich.console import JustifyMethod


class _Cell(TableDataElement):
    """A cell that breaks a word for which there is no room; rich's own ends it with an ellipsis."""

    def __init__(self, justify: JustifyMethod) -> None:
        super().__init__(justify)
        self.content.overflow = "fold"


class WholeMarkdown(Markdown):
    """Markdown whose tables show every letter of their cells."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {**Markdown.elements, "td_open": _Cell}
