"""Names of telemetry are written once, and diagnosis reads none that nothing writes."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
import sqlglot
from sqlglot import exp

from otel_eda import semconv
from otel_eda.diagnosis import catalog, columns, external

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from otel_eda.diagnosis.catalog import Check

PACKAGE = Path(semconv.__file__).parent
READERS = tuple(sorted(path for name in ("diagnosis", "otlp", "live") for path in PACKAGE.glob(f"{name}/**/*.py")))
WRITERS = tuple(sorted(path for name in ("core", "adapters") for path in PACKAGE.glob(f"{name}/**/*.py")))
EXTERNAL = Path(external.__file__)
CHECKS = catalog.checks()
COLUMNS = {column.name: column for table in columns.TABLES.values() for column in table}


def constants(module: ModuleType) -> dict[str, str]:
    """Return the texts of a module that may be names, by the names of their constants."""
    return {
        name: value
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and re.fullmatch(r"[\w.]+", value)
    }


OURS, THEIRS = constants(semconv), constants(external)
NAMESPACES = "|".join(sorted({name.partition(".")[0] for name in (*OURS.values(), *THEIRS.values()) if "." in name}))
NAME = re.compile(rf"(?:{NAMESPACES})(?:\.[a-z_0-9]+)+")


def texts(path: Path) -> Iterator[str]:
    """Yield the texts in a module's code, without its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docs:
            yield node.value


def written_out(text: str) -> list[str]:
    """Return the names that a text is, or that SQL in it quotes."""
    return [name for name in (text, *re.findall(r"'([^']+)'", text)) if NAME.fullmatch(name)]


@cache
def used(paths: tuple[Path, ...]) -> set[str]:
    """Return the names of `semconv` that modules use."""
    return {
        OURS[node.attr]
        for path in paths
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "semconv"
        if node.attr in OURS
    }


Part = TypeVar("Part", bound=exp.Expression)


def quoted(check: Check) -> set[str]:
    """Return the names that the SQL of a check quotes."""
    literals = parts(check, exp.Literal)
    return {literal.this for literal in literals if literal.is_string and NAME.fullmatch(literal.this)}


def read(check: Check) -> set[str]:
    """Return the names that the SQL of a check quotes, and today's names of the columns that it reads."""
    wanted = {column.name for column in parts(check, exp.Column)}
    return quoted(check) | {COLUMNS[name].attributes[0] for name in wanted & set(COLUMNS) if COLUMNS[name].attributes}


def parts(check: Check, kind: type[Part]) -> list[Part]:
    """Return the parts of one kind in the SQL of a check."""
    return [part for sql in check.questions for part in sqlglot.parse_one(sql, read="duckdb").find_all(kind)]


def of_sql_in_modules() -> set[str]:
    """Return the names that modules of diagnosis and live read, and today's names of all columns."""
    return used(READERS) | {column.attributes[0] for column in COLUMNS.values() if column.attributes}


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_name_is_written_out_a_second_time(path: Path) -> None:
    if path != EXTERNAL:
        assert [name for text in texts(path) for name in written_out(text)] == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_every_name_in_a_check_is_one_of_ours_or_has_its_source(check: Check) -> None:
    assert quoted(check) <= {*OURS.values(), *THEIRS.values()}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_a_check_reads_only_what_is_written(check: Check) -> None:
    assert read(check) - used(WRITERS) <= set(THEIRS.values())


def test_tables_gates_and_screens_read_only_what_is_written() -> None:
    assert of_sql_in_modules() - used(WRITERS) <= set(THEIRS.values())


def test_the_texts_of_checks_and_modules_are_found() -> None:
    assert "eda.consumer.position" in set().union(*map(quoted, CHECKS))
    assert semconv.DEATHS in set().union(*map(read, CHECKS))
    assert semconv.LAG in used(READERS)
    assert written_out(f"name = '{semconv.LAG}'") == written_out(semconv.LAG) == [semconv.LAG]
