"""kafka-python's own tests, those that need a broker on a real one: test by test the same with and without us."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from brokers import kafka as kafka_
from brokers.service import private
from support.parts import available

from transparency.sources import source
from transparency.stand_ins import partitioned
from transparency.suites import PLUGIN, Suite, both, differing, unequal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

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


class KafkaSuite(Suite):
    """Its tests, and a broker of their own."""

    def __init__(self, folder: Path, original: Path, address: str, plugin: Sequence[str]) -> None:
        super().__init__(folder, original, "test", plugin)
        (self.folder / "test" / "__init__.py").touch()  # else the standard library's tests are what `test` means
        (self.folder / "test" / "service.py").write_text(SERVICE)
        self.environ |= {"KAFKA_VERSION": "4.0.0", "KAFKA_ROOT": str(folder), "KAFKA_URI": f"kafka://{address}"}


@pytest.fixture(scope="module")
def original() -> Path:
    """The source distribution of the version that is installed."""
    return available(lambda: source("kafka-python", version("kafka-python")))


@pytest.fixture
def suites(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KafkaSuite, KafkaSuite]]:
    """The suite without us and with us, each with a broker: both use the same names there."""
    available(kafka_.classes)
    with ExitStack() as stack:
        made = []
        for plugin in ((), PLUGIN):
            folder = tmp_path_factory.mktemp("suite")
            server = stack.enter_context(private(partitioned(4), folder / "kafka"))
            made.append(KafkaSuite(folder, original, server.address, plugin))
        bare, instrumented = made
        yield bare, instrumented


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
