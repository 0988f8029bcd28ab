from __future__ import annotations

import fcntl
import pickle
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_eda.diagnosis import catalog, columns, engine
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .worlds import merged

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from clickhouse_connect.driver.client import Client

    from otel_eda.diagnosis.engine import Diagnosis

TESTS = Path(__file__).parents[2]
USER, SECRET = "reader", "a secret"
CHECKS = catalog.checks()
BOUNDS = Bounds(grace=0.0, lag_bound=6000, depth_bound=6000)
EXPORTED, EXPECTED = "exported", "expected.pickle"


@dataclass(frozen=True)
class Server:
    """A running engine."""

    port: int
    process: subprocess.Popen[str]

    def client(self) -> Client:
        import clickhouse_connect

        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, username=USER, password=SECRET, autogenerate_session_id=False
        )


@contextmanager
def served(folder: Path, certificate: Path | None = None, *, readonly: bool = False) -> Iterator[Server]:
    """Yield an engine in a process of its own."""
    pytest.importorskip("chdb")
    command = [sys.executable, "-m", "diagnosis.engines.front", str(folder), USER, SECRET, str(int(readonly))]
    command += [str(certificate)] if certificate else []
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Server(int(process.stdout.readline()), process)
        finally:
            process.kill()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("clickhouse")) as running:
        yield running


@pytest.fixture(scope="session")
def one_data_set(servers: Path) -> Path:
    """Return a folder with what all engines are asked about, and what DuckDB finds: made once for all workers."""
    folder = servers / "one-data-set"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / EXPECTED).exists():
            exported = folder / EXPORTED
            exported.mkdir(exist_ok=True)
            with merged(folder) as store:
                for table in columns.TABLES:
                    store.execute(f"COPY {table} TO '{exported / table}.parquet' (FORMAT parquet)")
            with Store() as store:
                store.read([Files(str(exported))])
                (folder / EXPECTED).write_bytes(pickle.dumps(engine.diagnose(store, CHECKS, BOUNDS)))
    return folder


@pytest.fixture(scope="session")
def exported(one_data_set: Path) -> Path:
    """Return a folder with the tables of the worlds, as `otel-eda export` writes them."""
    return one_data_set / EXPORTED


@pytest.fixture(scope="session")
def expected(one_data_set: Path) -> Diagnosis:
    """Return what DuckDB finds in the worlds."""
    found: Diagnosis = pickle.loads((one_data_set / EXPECTED).read_bytes())  # noqa: S301  # written above
    return found


def same(found: Diagnosis, expected: Diagnosis, but: Container[str] = ()) -> None:
    """Assert that an engine finds what DuckDB finds, with the same evidence, and as certain."""
    for check in CHECKS:
        if check.code not in but:
            mine, theirs = (
                [finding for finding in each.findings if finding.code == check.code] for each in (found, expected)
            )
            assert mine == theirs, check.code
    assert found.completeness == expected.completeness
    assert found.young == expected.young
