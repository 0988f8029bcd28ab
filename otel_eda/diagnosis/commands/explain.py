"""`otel-eda explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError, catalog

from . import CLEAN, guarded

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="such as EDA104; none: all, a line each")
    parser.add_argument("--sql", action="store_true", help="the check's question in SQL")


@guarded
def run(options: argparse.Namespace) -> int:
    """Print a check's page."""
    if options.code is None:
        for check in catalog.checks():
            print(f"{check.code}  {check.title}")
        return CLEAN
    found = [check for check in catalog.checks() if check.code == options.code.upper()]
    if not found:
        raise UnusableError(f"there is no check {options.code}")
    if options.sql:
        print(found[0].sql, end="")
    else:
        _show(found[0].page)
    return CLEAN


def _show(page: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    if console.is_terminal:
        console.print(Markdown(page))
    else:
        print(page, end="")
