"""How `otel-eda` ends, whatever the command: at an interrupt, at a closed pipe, without room, without an extra."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import requires
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from diagnosis.telemetry import flow
from packaging.requirements import Requirement
from support.programs import BARE, MAIN, Way, run, running
from support.waiting import until

from .test_command_line import EXTRAS, without

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_ONCE = 5.0  # seconds, on a busy machine


@pytest.fixture
def telemetry(tmp_path: Path) -> Path:
    folder = tmp_path / "telemetry"
    folder.mkdir()
    return flow(400, 2, skip={12}).world.write(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupt_ends_a_command_in_one_line_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    with running(Way(environ={"TMPDIR": str(tmp_path)}), "-c", MAIN, "sql", "-", "select 1") as sql:
        until(lambda: list(tmp_path.glob("*/tables.db")), "the tables")
        sql.signal(number)
        outcome = sql.finish()
    assert (outcome.status, outcome.output, outcome.errors) == (130, "", "otel-eda: stopped\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["diagnose"], ["trace", "orders/0/6"]], ids=" ".join)
def test_an_interrupt_ends_a_command_at_once_while_it_reads(
    command: list[str], telemetry: Path, tmp_path: Path
) -> None:
    lines = telemetry.read_bytes()
    telemetry.write_bytes(lines * ((48 << 20) // len(lines)))
    spool = tmp_path / "spool"
    spool.mkdir()
    with running(Way(environ={"TMPDIR": str(spool)}), "-c", MAIN, *command, telemetry) as program:
        until(lambda: list(spool.glob("*/tables.db")), "the tables")
        time.sleep(0.3)  # now it reads, in C
        began = time.monotonic()
        program.signal(signal.SIGINT)
        outcome = program.finish()
        assert time.monotonic() - began < AT_ONCE
    assert (outcome.status, outcome.output, outcome.errors) == (130, "", "otel-eda: stopped\n")
    assert list(spool.iterdir()) == []


# As a person's Ctrl-C may come: while DuckDB, in C++, sets itself up; and while the first statements run in it.
WHILE_IT_LOADS = """
import enum, signal
before = enum.EnumType.__setattr__
def interrupted(cls, name, value):
    if cls.__module__.partition(".")[0] in {"duckdb", "_duckdb"}:
        enum.EnumType.__setattr__ = before
        signal.raise_signal(signal.SIGINT)
    before(cls, name, value)
enum.EnumType.__setattr__ = interrupted
"""
WHILE_IT_OPENS = """
from otel_eda.diagnosis import load
load.MACROS = ("SELECT count(*) FROM range(10000000) t(n) WHERE n % 7 = 3",) * 1000
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="enumerations are made in another way")
def test_an_interrupt_while_the_engine_is_loaded_ends_a_command_in_one_line(telemetry: Path) -> None:
    outcome = run(BARE, "-c", WHILE_IT_LOADS + MAIN, "diagnose", telemetry)
    assert (outcome.status, outcome.output, outcome.errors) == (130, "", "otel-eda: stopped\n")


def test_an_interrupt_while_the_store_is_opened_ends_a_command_in_one_line(telemetry: Path, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    way = Way(environ={"TMPDIR": str(spool)})
    with running(way, "-c", WHILE_IT_OPENS + MAIN, "diagnose", telemetry) as program:
        until(lambda: list(spool.glob("*/tables.db")), "the tables")
        time.sleep(0.5)  # now it selects
        program.signal(signal.SIGINT)
        outcome = program.finish()
    assert (outcome.status, outcome.output, outcome.errors) == (130, "", "otel-eda: stopped\n")
    assert list(spool.iterdir()) == []


def test_a_second_interrupt_ends_a_watch_that_judges_for_the_last_time(telemetry: Path) -> None:
    lines = telemetry.read_bytes()
    telemetry.write_bytes(lines * ((24 << 20) // len(lines)))
    with running(BARE, "-c", MAIN, "watch", telemetry, "--every", "1h") as program:
        until(lambda: "interrupt" in program.errors, "its first line")
        program.signal(signal.SIGINT)
        time.sleep(0.5)
        program.signal(signal.SIGINT)
        outcome = program.finish()
    assert (outcome.status, outcome.output) == (130, "")
    assert outcome.errors.splitlines()[1:] == ["otel-eda: stopped"]


def test_an_interrupt_finds_the_command_ready_as_soon_as_python_is() -> None:
    """What is imported before `main` can still be interrupted with a traceback: so it is next to nothing."""
    code = "import sys; from otel_eda import cli; print(*(name for name in sys.modules if name.startswith('otel_eda')))"
    before = set(run(BARE, "-c", "import sys, typing; print(*sys.modules)").output.split())
    heavy = {"socket", "traceback", "typer", "opentelemetry", "importlib.metadata"}
    loaded = set(run(BARE, "-c", "import sys; from otel_eda import cli; print(*sys.modules)").output.split())
    assert (loaded & heavy) - before == set()
    assert set(run(BARE, "-c", code).output.split()) == {
        *("otel_eda", "otel_eda.cli", "otel_eda.diagnosis", "otel_eda.encodings", "otel_eda.interrupts")
    }
    late = f"import signal; from otel_eda import commands; commands.parse = lambda _: signal.raise_signal(2); {MAIN}"
    outcome = run(BARE, "-c", late, "explain")
    assert (outcome.status, outcome.output, outcome.errors) == (130, "", "otel-eda: stopped\n")


def ended(program: Sequence[str], stdout: int) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *program],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=BARE.surroundings(),
        text=True,
        check=False,
        timeout=100,
    )
    return done.returncode, done.stderr


EVERYTHING = "select * from operations"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["diagnose", "--help"],
        ["explain"],
        ["diagnose", "telemetry"],
        ["diagnose", "telemetry", "--format", "json"],
        ["sql", "telemetry", EVERYTHING],
        ["sql", "telemetry", EVERYTHING, "--format", "table"],
        ["trace", "orders/0/6", "telemetry"],
        ["watch", "telemetry", "--every", "100ms", "--format", "json"],
        ["top", "--otlp", "127.0.0.1:0", "--duration", "100ms"],
    ],
    ids=" ".join,
)
def test_a_closed_pipe_ends_a_command_silently(
    arguments: list[str], telemetry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(telemetry.parent.parent)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        status, errors = ended(arguments, writing)
        assert (status, "\n".join(errors.splitlines()[arguments[0] == "watch" :])) == (
            141,
            "",
        )  # which says what it watches
    finally:
        os.close(writing)


@pytest.mark.parametrize("way", ["2>&1 | true", "2>&-", ">&-"])
def test_a_failure_has_the_status_of_a_failure_where_nobody_reads_of_it(way: str, telemetry: Path) -> None:
    for arguments, status in ((f"diagnose {telemetry}", 1), (f"diagnose {telemetry}x", 2), (f"diagnose {__file__}", 2)):
        line = f'{{ sleep 0.2; exec "$0" -c "$1" {arguments}; }} {way}; exit ${{PIPESTATUS[0]}}'
        done = subprocess.run(
            ["bash", "-c", line, sys.executable, MAIN],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=BARE.surroundings(),
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == (141 if (way, status) == ("2>&1 | true", 1) else status)
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_without_room_is_said_in_one_line(telemetry: Path) -> None:
    with open("/dev/full", "wb") as full:
        for arguments in (["explain"], ["sql", str(telemetry), EVERYTHING]):
            status, errors = ended(arguments, full.fileno())
            assert (status, errors) == (2, "otel-eda: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("command", ["diagnose", "export"])
def test_an_output_that_cannot_be_written_is_said_before_anything_is_read(command: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").mkdir()
    for file, why in ((tmp_path / "no" / "x.csv", "cannot be written there"), (tmp_path / "x.csv", "is a folder")):
        outcome = run(BARE, "-c", MAIN, command, tmp_path / "nowhere.jsonl", "-o", file)
        assert (outcome.status, outcome.output, outcome.errors) == (2, "", f"otel-eda: {file}: {why}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["doctor"], ["diagnose", "telemetry"]], ids=" ".join)
def test_without_typer_it_says_in_one_line_what_to_install(arguments: list[str]) -> None:
    outcome = run(BARE, "-c", without("typer"), *arguments)
    assert (outcome.status, outcome.output) == (2, "")
    assert outcome.errors.count("\n") == 1
    assert "pip install 'otel-eda[cli]'; without it there is `python -m otel_eda.doctor`" in outcome.errors


def test_the_doctor_needs_no_typer() -> None:
    program = "import sys, runpy\nsys.modules['typer'] = None\nrunpy.run_module('otel_eda.doctor', run_name='__main__')"
    outcome = run(BARE, "-c", program, "--json")
    assert outcome.status in {0, 1}
    assert {library["name"] for library in json.loads(outcome.output)["libraries"]} >= {"pika", "aiokafka"}
    refused = run(BARE, "-c", program, "--nonsense")
    assert (refused.status, refused.errors) == (2, "usage: python -m otel_eda.doctor [--json] [-- COMMAND ...]\n")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["demo"], "demo"),
        (["diagnose", "telemetry"], "diagnosis"),
        (["trace", "orders/0/6", "telemetry"], "diagnosis"),
        (["sql", "telemetry", "select 1"], "diagnosis"),
        (["export", "telemetry", "-o", "x.csv"], "diagnosis"),
        (["watch", "--otlp", "127.0.0.1:0"], "live"),
        (["top", "--otlp", "127.0.0.1:0"], "live"),
    ],
    ids=str,
)
def test_without_its_extra_a_command_says_in_one_line_what_to_install(arguments: list[str], extra: str) -> None:
    outcome = run(BARE, "-c", without(*EXTRAS), *arguments)
    assert (outcome.status, outcome.output) == (2, "")
    assert outcome.errors.count("\n") == 1
    assert outcome.errors.endswith(f"pip install 'otel-eda[{extra}]'\n")


def test_explain_and_the_doctor_need_no_extra_but_the_command_lines_own() -> None:
    assert "EDA104" in run(BARE, "-c", without(*EXTRAS), "explain").output
    assert "pip install 'otel-eda[otlp]'" in run(BARE, "-c", without(*EXTRAS), "doctor").output


def test_the_extras_of_commands_contain_the_command_lines_own_and_the_base_does_not() -> None:
    needed = [Requirement(line) for line in requires("otel-eda") or ()]
    base = {each.name for each in needed if each.marker is None}
    assert base == {"opentelemetry-api", "opentelemetry-instrumentation", "wrapt"}

    def named(extra: str) -> set[str]:
        found = [each for each in needed if each.marker and each.marker.evaluate({"extra": extra})]
        own = {each.name for each in found}
        return own.union(*(named(inner) for each in found if each.name == "otel-eda" for inner in each.extras))

    for extra in ("cli", "diagnosis", "live", "demo"):
        assert "typer" in named(extra), extra
    assert "typer" not in named("otlp")  # a service's environment may have another pydantic than typer needs
