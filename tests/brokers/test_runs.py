"""A run of pytest with the fixtures of the servers: they are shared, they end, and a run that hangs is ended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .processes import WAIT, children, gone, keepers
from .service import poll

if TYPE_CHECKING:
    from .jaeger import Jaeger

TESTS = Path(__file__).parents[1]
TWO = """
import os, pathlib, pytest, time

@pytest.mark.parametrize("number", range(2))
def test_it(jaeger, number):
    folder = pathlib.Path(os.environ["SEEN"])
    (folder / os.environ["PYTEST_XDIST_WORKER"]).write_text(jaeger.query)
    deadline = time.monotonic() + 30
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
"""
HANG = """
import os, pathlib, time

def test_it(jaeger):
    pathlib.Path(os.environ["SEEN"], "ready").write_text("")
    time.sleep(100)
"""


class Run:
    """A run of pytest in a folder, on a test file that takes this folder's fixtures."""

    def __init__(self, folder: Path, source: str) -> None:
        self.folder = folder
        self.seen = folder / "seen"
        self.seen.mkdir()
        (folder / "test_it.py").write_text(source)
        (folder / "conftest.py").write_text((TESTS / "conftest.py").read_text())

    def command(self, *arguments: str) -> list[str]:
        temporary = f"--basetemp={self.folder / 'temporary'}"
        return [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", temporary, *arguments]

    def environ(self, **changes: str) -> dict[str, str]:
        foreign = ("PYTEST_", "OTEL_EDA_TEST_", "CI")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        return {**kept, "PYTHONPATH": str(TESTS), "SEEN": str(self.seen), **changes}

    def finish(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environ(**changes),
            capture_output=True,
            text=True,
            timeout=2 * WAIT,
            check=False,
        )


def test_workers_share_one_server_that_ends_with_them(tmp_path: Path, jaeger: Jaeger) -> None:
    run = Run(tmp_path, TWO)
    done = run.finish("-n2")
    assert done.returncode == 0, done.stdout
    assert {file.name for file in run.seen.iterdir()} == {"gw0", "gw1"}
    assert len({file.read_text() for file in run.seen.iterdir()}) == 1
    poll(lambda: not keepers(tmp_path) or None, WAIT, "the keeper to end")


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
@pytest.mark.parametrize("victim", ["pytest", "keeper"])
def test_nothing_is_left_when_a_process_is_killed(tmp_path: Path, jaeger: Jaeger, victim: str) -> None:
    run = Run(tmp_path, HANG)
    with subprocess.Popen(
        run.command(), cwd=tmp_path, env=run.environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as tests:
        try:
            poll(lambda: (run.seen / "ready").exists() or None, WAIT, "the test to run")
            (keeper,) = keepers(tmp_path)
            (server,) = children(keeper)
            os.kill(tests.pid if victim == "pytest" else keeper, signal.SIGKILL)
            poll(lambda: gone(server) or None, WAIT, "the server to end")
        finally:
            tests.kill()


IN_C = """
import itertools, pytest

@pytest.mark.timeout(1)
def test_it():
    sum(itertools.repeat(0))
"""
AT_THE_END = """
import threading, time

def test_it():
    threading.Thread(target=time.sleep, args=(300,)).start()
"""


@pytest.mark.parametrize("source", [IN_C, AT_THE_END], ids=["in C", "at the end"])
def test_a_run_that_hangs_is_ended(tmp_path: Path, source: str) -> None:
    run = Run(tmp_path, source)
    conftest = tmp_path / "conftest.py"
    conftest.write_text(re.sub("GRACE = [0-9.]+", "GRACE = 2.0", conftest.read_text()))
    done = run.finish()
    assert done.returncode == 1
    assert "most recent call first" in done.stderr


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [({}, "SKIPPED [1]"), ({"CI": "1"}, "1 error")],
    ids=["locally", "in CI"],
)
@pytest.mark.parametrize(
    ("part", "line"),
    [
        ("kafka", "`java` is not on the PATH: apt-get install openjdk-17-jdk-headless maven"),
        ("rabbitmq", "`erl` is not on the PATH: apt-get install rabbitmq-server"),
        ("jaeger", "`go` is not on the PATH: unpack Go 1.26 or newer from https://go.dev/dl into /usr/local"),
    ],
)
def test_a_missing_tool_gives_one_line(
    tmp_path: Path, part: str, line: str, changes: dict[str, str], outcome: str
) -> None:
    nothing = {"PATH": "", "OTEL_EDA_CACHE": str(tmp_path / "cache")}
    done = Run(tmp_path, f"def test_it({part}):\n    pass\n").finish(**nothing, **changes)
    assert line in done.stdout
    assert outcome in done.stdout


def test_a_server_that_runs_already_is_used(tmp_path: Path, jaeger: Jaeger) -> None:
    source = f"def test_it(jaeger):\n    assert jaeger.query == {json.dumps(jaeger.query)}\n"
    done = Run(tmp_path, source).finish(OTEL_EDA_TEST_JAEGER=jaeger.query, PATH="")
    assert done.returncode == 0, done.stdout
