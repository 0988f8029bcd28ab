"""How `otel-eda` reads its command lines: help, examples, completion, and what it imports for that."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pytest
from support.programs import BARE, MAIN, run

from otel_eda import cli, commands
from otel_eda.diagnosis import columns
from otel_eda.diagnosis.commands import export
from otel_eda.diagnosis.settings import Bounds

BASH = shutil.which("bash")
NAMES = tuple(commands.COMMANDS)
# What no command may need before it runs.
EXTRAS = ("duckdb", "rich", "zstandard", "google", "grpc", "opentelemetry.proto", "opentelemetry.sdk", "kafka")


def without(*modules: str) -> str:
    """Write a program that is `otel-eda` where these modules are not installed."""
    return f"import sys; sys.modules.update(dict.fromkeys({modules!r})); {MAIN}"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(arguments) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_command_shows_one_or_two_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, name, "--help").partition("Examples:")[2].split("\n")
    examples = [shlex.split(line) for line in shown if line.strip()]
    assert 1 <= len(examples) <= 2
    for program, *arguments in examples:
        assert (program, arguments[0]) == ("otel-eda", name)
        assert commands.parse(arguments).extra == commands.COMMANDS[name].extra


def test_the_help_lists_every_command_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    shown = " ".join(printed(capsys, "--help").split())
    for command in commands.COMMANDS.values():
        assert f"{command.name} {command.about}" in shown


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--version") == f"otel-eda {version('otel-eda')}\n"


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["--nothing"], ["diagnose"], ["watch", "--nothing"]], ids=str)
def test_a_wrong_line_has_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    shown = capsys.readouterr()
    assert "otel-eda" in shown.out + shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("name", ["diagnose", "watch"])
def test_every_bound_is_an_option_with_its_default(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = " ".join(printed(capsys, name, "--help").split())
    for bound in fields(Bounds):
        bounds = "" if bound.metadata["most"] is None else "; 0<=x<=1.0"
        default = "" if bound.default is None else rf" \[default: {re.escape(str(bound.default))}{bounds}\]"
        about = re.escape(bound.metadata["about"])
        value = "TIME" if bound.metadata["time"] else "N"
        assert re.search(rf"--{bound.name.replace('_', '-')} {value} {about}{default}", shown), bound.name


def test_bounds_reach_the_diagnosis_as_they_are_given() -> None:
    arguments = [
        "--grace",
        "1.5",
        "--queue-bound",
        "1m30s",
        "--skew",
        "20ms",
        "--handler-bound",
        "0",
        "--hot-share",
        "7",
    ]
    invocation = commands.parse(["diagnose", "telemetry", *arguments])
    expected = Bounds(grace=1.5, queue_bound=90.0, skew=0.02, handler_bound=0.0, hot_share=7.0)
    assert invocation.run.keywords["bounds"] == expected


def test_a_share_is_no_percentage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["diagnose", "telemetry", "--error-share", "5"]) == 2
    assert "less than or equal to 1" in capsys.readouterr().err


@pytest.mark.parametrize("separator", [(), ("--",)], ids=str)
def test_the_doctor_leaves_the_options_of_a_program_to_the_program(separator: tuple[str, ...]) -> None:
    program = ["python", "shop.py", "--json", "--help", "x"]
    invocation = commands.parse(["doctor", *separator, *program])
    assert invocation.run.keywords == {"command": program, "as_json": False}
    assert commands.parse(["doctor", "--json"]).run.keywords["as_json"]


def test_every_table_can_be_exported() -> None:
    assert set(get_args(export.TableName)) == set(columns.TABLES)


@pytest.mark.parametrize("arguments", [["--help"], ["doctor"]], ids=str)
def test_the_help_and_the_doctor_import_neither_the_engine_nor_another_command(arguments: list[str]) -> None:
    code = f"""
import sys
from otel_eda.cli import main
main({arguments!r})
heavy = [name for name in sys.modules if name.partition(".")[0] == "duckdb" or name.startswith("otel_eda.live")]
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""
    outcome = run(BARE, "-c", code)
    assert (outcome.status, outcome.errors) == (0, "")


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_a_command_needs_no_extra_but_the_command_lines_own(name: str) -> None:
    outcome = run(BARE, "-c", without(*EXTRAS), name, "--help")
    assert (outcome.status, outcome.errors) == (0, "")


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a user's shell, with a home folder of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**BARE.surroundings(), "HOME": str(tmp_path), "PATH": path}


def bash(script: str, environ: dict[str, str]) -> str:
    """Run a script to its end and return what it wrote; the last command keeps the shell from being replaced."""
    done = subprocess.run(
        [str(BASH), "--norc", "-c", f"{script}\n:"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return done.stdout


COMPLETE = """
{setup}
COMP_WORDS=({words}) COMP_CWORD={last}
_otel_eda_completion otel-eda
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completions(setup: str, words: str, environ: dict[str, str]) -> list[str]:
    script = COMPLETE.format(setup=setup, words=words, last=len(words.split()) - 1)
    return bash(script, environ).split()


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("otel-eda d", ["demo", "doctor", "diagnose"]),
        ("otel-eda diagnose --fail", ["--fail-on"]),
        ("otel-eda diagnose telemetry --fail-on L", ["LIKELY"]),
        ("otel-eda explain EDA10", [f"EDA10{number}" for number in range(1, 8)]),
        ("otel-eda watch --select EDA7", ["EDA701", "EDA702", "EDA703"]),
    ],
    ids=str,
)
def test_bash_completes_commands_options_and_codes(words: str, expected: list[str], shell: dict[str, str]) -> None:
    assert completions('eval "$(otel-eda --show-completion)"', words, shell) == expected


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_completion_is_installed_for_the_users_shell(shell: dict[str, str]) -> None:
    assert "completion installed" in bash("otel-eda --install-completion", shell)
    assert completions("source ~/.bashrc", "otel-eda wat", shell) == ["watch"]
