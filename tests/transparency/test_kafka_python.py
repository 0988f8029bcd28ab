"""kafka-python's own tests, those that need a broker on a real one: test by test the same with and without us."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from brokers import kafka as kafka_
from brokers.service import private
from brokers.tools import MissingError

from transparency.sources import source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HERE = Path(__file__).parent
FOREIGN = ("OTEL_", "PYTEST_", "KAFKA_", "PYTHONPATH")  # of the environment: they are not meant for these tests
OPTIONS = ("-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", "--timeout=60", "--timeout-method=signal")
PLUGIN = ("-p", "plugin")
ENOUGH = 100  # tests that pass and spans of each kind, at the least: else nothing is shown
# It looks at the size of a record's headers, which are the one thing that an application may notice of us.
SEES_HEADERS = "test/integration/test_producer_integration.py::test_kafka_producer_proper_record_metadata"
# Left out of the source distribution; with a broker that runs already there is nothing for it to do.
SERVICE = """
class ExternalService:
    def __init__(self, host, port): pass
    def open(self): pass
    def close(self): pass
SpawnedService = None
"""


class FourPartitions(kafka_.KafkaServer):
    """A broker as kafka-python's tests take it for granted."""

    def _config(self) -> Mapping[str, object]:
        return {**super()._config(), "num.partitions": 4}


class Suite:
    """A copy of the tests, and a broker of their own; with us or without."""

    def __init__(self, folder: Path, original: Path, address: str, plugin: Sequence[str]) -> None:
        self.folder = folder / "suite"
        self.spans = folder / "spans.json"
        self.results = folder / "results.xml"
        self.plugin = plugin
        shutil.copytree(original, self.folder)
        (self.folder / "test" / "__init__.py").touch()  # else the standard library's tests are what `test` means
        (self.folder / "test" / "service.py").write_text(SERVICE)
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.environ |= {
            "PYTHONPATH": str(HERE),
            "SPANS": str(self.spans),
            "KAFKA_VERSION": "4.0.0",
            "KAFKA_ROOT": str(folder),
            "KAFKA_URI": f"kafka://{address}",
        }

    def outcomes(self, tests: Sequence[str] = ("test",)) -> dict[str, str]:
        """Run those tests; give each one's outcome."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *self.plugin, *OPTIONS, f"--junitxml={self.results}", *tests],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert self.results.exists(), f"{done.stdout[-4000:]}{done.stderr[-4000:]}"
        return dict(map(outcome, ElementTree.parse(self.results).iter("testcase")))  # noqa: S314  # pytest wrote it

    def ended(self) -> dict[str, int]:
        """Give how many spans there were, by the operation's type."""
        read: dict[str, int] = json.loads(self.spans.read_text())
        return read


def outcome(case: ElementTree.Element) -> tuple[str, str]:
    """Read one test's id, as pytest takes it, and its outcome."""
    module, *classes = split(case.get("classname", ""))
    name = "::".join([f"{module.replace('.', '/')}.py", *classes, case.get("name", "")])
    told = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
    return name, " and ".join(told) or "passed"


def split(place: str) -> list[str]:
    """Split `test.test_it.TestIt` into its module and its classes."""
    parts = place.split(".")
    modules = [part for part in parts if not part.startswith("Test")]
    return [".".join(modules), *(part for part in parts if part.startswith("Test"))]


@pytest.fixture(scope="module")
def original() -> Path:
    """The source distribution of the version that is installed."""
    return available(lambda: source("kafka-python", version("kafka-python")))


def available(get: Callable[[], Path]) -> Path:
    """Skip, in CI fail, for what is not to be had."""
    try:
        return get()
    except MissingError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def suites(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Suite, Suite]]:
    """The suite without us and with us, each with a broker: both use the same names there."""
    available(kafka_.libraries)
    with ExitStack() as stack:
        made = []
        for plugin in ((), PLUGIN):
            folder = tmp_path_factory.mktemp("suite")
            server = stack.enter_context(private(FourPartitions, folder / "kafka"))
            made.append(Suite(folder, original, server.address, plugin))
        bare, instrumented = made
        yield bare, instrumented


def both(suites: tuple[Suite, Suite], tests: Sequence[str] = ("test",)) -> tuple[dict[str, str], dict[str, str]]:
    with ThreadPoolExecutor() as pool:
        bare, instrumented = pool.map(lambda suite: suite.outcomes(tests), suites)
    return bare, instrumented


@pytest.mark.timeout(400)
def test_every_test_comes_out_the_same(suites: tuple[Suite, Suite]) -> None:
    bare, instrumented = both(suites)
    assert bare.keys() == instrumented.keys()
    assert list(bare.values()).count("passed") > ENOUGH
    ended = suites[1].ended()
    if "test/integration/test_producer_integration.py" in {name.partition("::")[0] for name in bare}:
        assert min(ended.get(operation, 0) for operation in ("send", "process")) > ENOUGH, ended
    # Some depend on the time that things take: what differs has another chance, by itself.
    different = differing(suites, unequal(bare, instrumented))
    assert {name.partition("[")[0] for name in different} <= {SEES_HEADERS}
    suites[1].environ["OTEL_PROPAGATORS"] = "none"
    assert not differing(suites, different)


def unequal(bare: Mapping[str, str], instrumented: Mapping[str, str]) -> list[str]:
    return [name for name in bare if bare[name] != instrumented.get(name)]


def differing(suites: tuple[Suite, Suite], tests: Sequence[str]) -> list[str]:
    """Run these tests once more; name those that still differ."""
    return unequal(*both(suites, tests)) if tests else []
