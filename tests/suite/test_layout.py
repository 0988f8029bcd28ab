"""Forgetting is a red test: what depends on what, and what a library consists of."""

from __future__ import annotations

import ast
import itertools
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_eda import config, suite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.core import Library

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "otel_eda"
CORE = sorted(PACKAGE.glob("core/**/*.py"))
ADAPTERS = {path.stem for path in PACKAGE.glob("adapters/[!_]*")}  # a file, or a folder of them
ALL_ADAPTERS = sorted([*PACKAGE.glob("adapters/[!_]*.py"), *PACKAGE.glob("adapters/[!_]*/*.py")])
SHARED = sorted(PACKAGE.glob("adapters/_[!_]*.py"))
DRIVERS = sorted((ROOT / "tests" / "drivers").glob("*.py"))
LONGEST = 100
ENOUGH = 6  # equal lines are a piece that exists twice
# What clients and brokers are called; the core has to do without.
LIBRARIES = (
    "kafka", "confluent", "aiokafka", "pika", "rabbit", "amqp", "kombu", "celery", "zmq", "zeromq",
    "blinker", "pyee", "redis", "nats", "pulsar", "faust", "boto", "sqs",
)  # fmt: skip


def imported(path: Path) -> Iterator[str]:
    """Give the full names of the modules that a file imports, wherever in it."""
    package = ("otel_eda", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            yield module
            if not node.module or module in {"otel_eda", "otel_eda.core", "otel_eda.adapters"}:
                yield from (f"{module}.{alias.name}" for alias in node.names)


def distributions() -> set[str]:
    return {library.distribution for library in suite.LIBRARIES.values()}


def named(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


# Loaded where the application has loaded the SDK, and nowhere else.
OF_THE_SDK = {
    f"core/telemetry/{name}.py" for name in ("encoding", "light", "light_histograms", "light_spans", "light_tracer")
}


def test_the_files_are_found() -> None:
    assert {"processing.py", "guard.py"} <= {path.name for path in CORE}
    assert "blinker.py" in {path.name for path in ALL_ADAPTERS}
    assert {"otel_eda.core.runtime.guard", "otel_eda.config"} <= set(
        imported(PACKAGE / "core" / "process" / "manual.py")
    )


@pytest.mark.parametrize("path", CORE, ids=named)
def test_the_core_imports_itself_opentelemetry_and_wrapt(path: Path) -> None:
    allowed = {"opentelemetry", "wrapt", "typing_extensions", *sys.stdlib_module_names}
    for module in imported(path):
        if module.partition(".")[0] == "otel_eda":
            assert re.match(r"otel_eda(\.(core|config|hashed|semconv)\b|$)", module), f"{module} is beyond the core"
        else:
            assert module.partition(".")[0] in allowed, f"{module} is not the core's to import"
            assert named(path) in OF_THE_SDK or not module.startswith("opentelemetry.sdk"), (
                "the core needs the API alone"
            )


@pytest.mark.parametrize("path", CORE, ids=named)
def test_the_core_names_no_library(path: Path) -> None:
    text = path.read_text("utf-8").lower()
    found = [name for name in LIBRARIES if re.search(rf"(?<![a-z]){name}", text)]
    assert found == []


@pytest.mark.parametrize("path", ALL_ADAPTERS + SHARED, ids=named)
def test_an_adapter_imports_the_core_and_what_its_like_share(path: Path) -> None:
    for module in imported(path):
        if module.partition(".")[0] == "otel_eda":
            own = re.escape(".".join(("otel_eda", *path.relative_to(PACKAGE).parts[:2])))  # a folder's files share it
            ours = re.fullmatch(rf"otel_eda(\.semconv|\.core(\.\w+)?|\.adapters(\._\w+)?)?|{own}(\.\w+)*", module)
            assert ours, f"{module} is not an adapter's to import"
            assert (
                module.count(".") < 2
                or "adapters" in module
                or hasattr(sys.modules["otel_eda.core"], module.rpartition(".")[2])
            ), f"{module} is the core's own"
        else:
            assert module.partition(".")[0] in sys.stdlib_module_names, f"{module} would be imported for everyone"


@pytest.mark.parametrize("path", ALL_ADAPTERS + SHARED, ids=named)
def test_an_adapter_is_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST


def passages(path: Path) -> set[str]:
    """Give every few lines of code of a file that follow each other, whatever their indentation."""
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    code = [line for line in lines if re.search(r"\w", line) and not re.match(r"from |import |#|\w+,$", line)]
    return {"\n".join(code[place : place + ENOUGH]) for place in range(len(code) - ENOUGH + 1)}


@pytest.mark.parametrize("paths", [ALL_ADAPTERS + SHARED, DRIVERS], ids=["adapters", "drivers"])
def test_what_two_need_they_share(paths: list[Path]) -> None:
    found = {path: passages(path) for path in paths}
    repeated = [
        f"{one.name} and {other.name}: {passage}"
        for one, other in itertools.combinations(paths, 2)
        for passage in found[one] & found[other]
    ]
    assert repeated == []


def test_the_cores_tests_are_in_the_cores_packages() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("core/*/__init__.py")}
    assert {path.parent.name for path in ROOT.glob("tests/core/*/test_*.py")} == packages
    assert {path.stem for path in ROOT.glob("tests/core/test_*.py")} == {"test_monitor"}


def test_every_adapter_is_in_the_suite() -> None:
    assert set(suite.LIBRARIES) == ADAPTERS


@pytest.mark.parametrize("name", suite.NAMES)
def test_every_name_has_an_entry_point(name: str) -> None:
    points = {point.name: point.value for point in entry_points(group="opentelemetry_instrumentor")}
    assert points.get(f"eda_{name}", "").startswith("otel_eda.instrumentor:")


@pytest.mark.parametrize("library", suite.LIBRARIES.values(), ids=lambda library: library.name)
class TestEveryLibrary:
    def test_has_an_extra_with_its_versions(self, library: Library) -> None:
        project = (ROOT / "pyproject.toml").read_text("utf-8")
        extras = project.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
        extra = re.search(rf"^{re.escape(library.distribution)} = \[(.*?)\]", extras, re.MULTILINE | re.DOTALL)
        assert extra is not None
        oldest, first_unsupported = (".".join(map(str, version)) for version in library.supported)
        assert f'"{library.distribution}>={oldest},<{first_unsupported}"' in extra[1]

    def test_has_a_driver(self, library: Library) -> None:
        # Those of messages, those of events in the process; a framework above the clients has tests of its own.
        files = "drivers/{}.py", "emitters/{}.py", "frameworks/test_{}.py"
        assert any((ROOT / "tests" / file.format(library.name)).is_file() for file in files)

    def test_has_a_row_in_the_readme(self, library: Library) -> None:
        rows = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("|")]
        assert any(library.distribution in row.lower() for row in rows)

    def test_says_where_the_official_instrumentation_is(self, library: Library) -> None:
        named = "" if library.official is None else library.official.instrumentor
        assert re.fullmatch(r"opentelemetry\.instrumentation\.\w+:\w+Instrumentor|", named)

    def test_is_named_after_its_distribution(self, library: Library) -> None:
        assert library.name == library.distribution.replace("-", "_")


def test_every_variable_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    missing = [config.variable(name) for name in config.Config.__dataclass_fields__]
    assert [name for name in missing if name not in text] == []


def test_no_variable_is_documented_that_there_is_not() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    known = {config.variable(name) for name in config.Config.__dataclass_fields__}
    assert set(re.findall(r"OTEL_EDA_[A-Z_]*[A-Z]", text)) <= known


def test_no_module_reads_the_environment_behind_the_settings_back() -> None:
    readers = [
        named(path)
        for path in PACKAGE.rglob("*.py")
        if "demo" not in path.parts and re.search(r"(environ|getenv).*OTEL_EDA_[A-Z]", path.read_text("utf-8"))
    ]
    assert readers == []
