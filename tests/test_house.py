"""Files and functions stay short, and no module of otel_eda needs one that needs it back."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import circles

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "otel_eda", ROOT / "tests"
LONGEST_FILE = 300  # lines; test_layout.py has a stricter limit for an adapter's
LONGEST_IN_CORE = 25  # lines of a function
MEDIAN, NINE_OF_TEN = 8, 20  # lines of the functions of otel_eda

# Classes of one name: an exported one of core, and one of diagnosis or the demo. Nothing is to be added here, either.
SHARED_NAMES = {"Event", "Reported"}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def files() -> list[Path]:
    return sorted([*PACKAGE.rglob("*.py"), *TESTS.rglob("*.py")])


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Give each function of a file, and its lines from `def` to its last."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_are_short() -> None:
    lengths = {named(path): len(path.read_text("utf-8").splitlines()) for path in files()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    lengths = sorted(length for path in PACKAGE.rglob("*.py") for _, length in functions(path))
    assert statistics.median(lengths) <= MEDIAN
    assert lengths[len(lengths) * 9 // 10] <= NINE_OF_TEN


def test_no_function_of_core_is_long() -> None:
    found = {
        f"{named(path)}::{name}": length
        for path in PACKAGE.glob("core/**/*.py")
        for name, length in functions(path)
        if length > LONGEST_IN_CORE
    }
    assert found == {}


def nodes(*folders: str) -> Iterator[tuple[Path, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Give each class and function in folders of the package, with its file."""
    for path in sorted(path for folder in folders for path in (PACKAGE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def test_no_two_classes_have_one_name() -> None:
    found: dict[str, set[str]] = {}
    for path, node in nodes("."):
        if isinstance(node, ast.ClassDef):
            found.setdefault(node.name, set()).add(named(path))
    shared = {name: paths for name, paths in found.items() if len(paths) > 1}
    assert set(shared) <= SHARED_NAMES, shared


def test_a_docstring_says_what_the_thing_returns_or_does() -> None:
    riddles = re.compile(r"(Be|Give|Have|Hear|Know|Note|Say|Tell)\b")
    found = [
        f"{named(path)}::{node.name}"
        for path, node in nodes("core", "adapters")
        if riddles.match(ast.get_docstring(node) or "")
    ]
    assert found == []


def test_circles_are_found(tmp_path: Path) -> None:
    package = tmp_path / "a"
    (package / "b").mkdir(parents=True)
    files = {
        "__init__.py": "from .one import f",
        "one.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a.two import T",
        "two.py": "def f():\n    from .b import three",
        "b/__init__.py": "",
        "b/three.py": "from .. import one\nimport a.b.four",
        "b/four.py": "import os\nfrom ..b import missing",
    }
    for name, text in files.items():
        (package / name).write_text(text)
    assert circles.found(package) == [["a.b.three", "a.one", "a.two"]]


def test_no_module_needs_one_that_needs_it() -> None:
    assert circles.found(PACKAGE) == []
