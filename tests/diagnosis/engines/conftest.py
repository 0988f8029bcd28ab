from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_eda.diagnosis import columns

from .worlds import merged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

    from otel_eda.diagnosis.store import Store

TESTS = Path(__file__).parents[2]
USER, SECRET = "reader", "a secret"


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


@pytest.fixture(scope="package")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with merged(tmp_path_factory.mktemp("worlds")) as store:
        yield store


@pytest.fixture(scope="package")
def exported(worlds: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the tables of the worlds, as `otel-eda export` writes them."""
    folder = tmp_path_factory.mktemp("exported")
    for table in columns.TABLES:
        worlds.execute(f"COPY {table} TO '{folder / table}.parquet' (FORMAT parquet)")
    return folder
