"""Circles of imports in a package, with what is imported for types alone: `python tests/circles.py [FOLDER]`.

Prints each circle, its modules in alphabetical order; the exit status is the number of circles. An import of a package
counts as one of its `__init__`, and of the modules that are named from it.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


def modules(package: Path) -> dict[str, Path]:
    """Return the files of a package by the full names of their modules."""
    root = package.parent
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
    }


def imported(name: str, path: Path, known: Collection[str]) -> Iterator[str]:
    """Give the known modules that a module imports, wherever in it and whatever for."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                full = f"{source}.{alias.name}"
                yield full if full in known else source


def reached(start: str, graph: Mapping[str, Collection[str]]) -> set[str]:
    """Return what a module imports, and what that imports, and so on."""
    found: set[str] = set()
    ahead = [*graph[start]]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(graph.get(name, ()))
    return found


def found(package: Path) -> list[list[str]]:
    """Return the circles of a package: the largest sets of modules that all need each other."""
    files = modules(package)
    graph = {name: {*imported(name, path, files)} - {name} for name, path in files.items()}
    reach = {name: reached(name, graph) for name in graph}
    circles = {frozenset(other for other in reach[name] if name in reach.get(other, ())) for name in graph}
    return sorted(sorted(circle) for circle in circles if circle)


if __name__ == "__main__":
    circles = found(Path(sys.argv[1] if len(sys.argv) > 1 else "otel_eda").resolve())
    for circle in circles:
        print(f"{len(circle)} modules: {', '.join(circle)}")
    sys.exit(len(circles))
