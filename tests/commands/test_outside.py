"""What `otel-eda` prints in any locale and on any terminal, and names from outside that are not UTF-8."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING

import pytest
from diagnosis.telemetry import flow
from live.terminal import terminal
from support.programs import Way, run

from otel_eda import cli

if TYPE_CHECKING:
    from pathlib import Path

    from live.terminal import Terminal

NOT_UTF8 = os.fsdecode(b"a\xffb")
COMMANDS = (
    ["diagnose", "{}", "--details"],
    ["diagnose", "{}", "--format", "github"],
    ["trace", "orders/0/6", "{}"],
    ["explain", "EDA203"],
    ["sql", "{}", "select '─…→ Grüße, 日本'", "--format", "table"],
)
ALL = "import sys; from otel_eda.cli import main; [main(each) for each in {!a}]"
LOCALES = {
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.fixture
def telemetry(tmp_path: Path) -> Path:
    made = flow(400, 2, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    return made.world.write(tmp_path)


@pytest.mark.parametrize("locale", LOCALES)
def test_any_locale_prints(locale: str, telemetry: Path) -> None:
    commands = [[word.format(telemetry) for word in command] for command in COMMANDS]
    outcome = run(Way(environ=LOCALES[locale]), "-c", ALL.format(commands))
    assert (outcome.status, outcome.errors) == (0, "")
    for shown in ("billing < orders [0] @6", "::error", "shop  send orders", "Two owners at once", "---"):
        assert shown in outcome.output, shown
    assert "Gr" in outcome.output
    assert r"\u65e5\u672c" in outcome.output


def words(shown: Terminal) -> str:
    """Return the words of a screen without what is drawn around them, as they are, however they were wrapped."""
    assert shown.finish() in {0, 1}
    return " ".join(re.sub("[─│└├━▌]", " ", " ".join(shown.lines())).split())


@pytest.mark.parametrize("columns", [40, 160])
def test_nothing_is_cut_on_a_narrow_terminal(columns: int, telemetry: Path) -> None:
    with terminal("diagnose", telemetry, "--grace", "10s", columns=columns) as shown:
        found = words(shown)
        assert "the group committed offset 200, past it, and no member of it finished it: KeyError" in found
        assert "send what cannot be handled to a dead-letter destination" in found
    with terminal("explain", "EDA203", columns=columns) as shown:
        found = words(shown)
        assert "max.poll.interval.ms" in found or ("max.poll.int " in found and " erval.ms;" in found)
        assert "…" not in found
    with terminal("trace", "orders/0/6", telemetry, columns=columns) as shown:
        assert "billing process orders [0]@6 3.00 ms +10.00 ms ERROR KeyError" in words(shown)


def test_a_terminal_shows_in_bytes_how_much_is_read(telemetry: Path) -> None:
    lines = telemetry.read_bytes()
    telemetry.write_bytes(lines * ((24 << 20) // len(lines)))
    with terminal("diagnose", telemetry, "--select", "EDA104") as shown:
        assert shown.finish() == 1
        assert re.search(rb"reading [\d.]+ [kM]?B(?:ytes)? of 2\d\.\d MB", shown.written.replace(b"bytes", b"B"))


@pytest.mark.parametrize(
    ("name", "more", "beginning"),
    [
        ("x.html", [], "<!doctype html>"),
        ("X.HTM", [], "<!doctype html>"),
        ("x.json", [], "{"),
        ("x.txt", [], "1,201 spans"),
        ("x.html", ["--format", "text"], "1,201 spans"),
    ],
)
def test_a_report_is_in_the_format_that_its_file_s_name_asks_for(
    name: str, more: list[str], beginning: str, telemetry: Path
) -> None:
    report = telemetry.with_name(name)
    assert cli.main(["diagnose", str(telemetry), "--grace", "10s", "-o", str(report), *more]) == 1
    assert report.read_text("utf-8").lower().startswith(beginning)


@pytest.mark.skipif(sys.platform != "linux", reason="names there are Unicode")
class TestNotUtf8:
    @pytest.fixture
    def folder(self, telemetry: Path) -> Path:
        telemetry.rename(telemetry.parent / f"{NOT_UTF8}.jsonl")
        (telemetry.parent / f"{NOT_UTF8}.jsonl.gz").write_bytes(b"\x1f\x8bx")
        return telemetry.parent

    def test_a_file_is_read_and_named(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["diagnose", str(folder), "--format", "json"]) == 1
        report = json.loads(capsys.readouterr().out)
        assert [finding["code"] for finding in report["findings"]] == ["EDA104"]
        assert report["completeness"]["broken_files"] == ["a\ufffdb.jsonl.gz"]

    @pytest.mark.parametrize(
        "arguments",
        [
            ["trace", f"{NOT_UTF8}/0/1", "."],
            ["sql", ".", f"select {NOT_UTF8}"],
            ["export", ".", "-o", f"{NOT_UTF8}.csv"],
            ["diagnose", NOT_UTF8],
            ["diagnose", ".", "--service", NOT_UTF8],
            ["explain", NOT_UTF8],
        ],
        ids=lambda arguments: arguments[0],
    )
    def test_a_name_that_is_not_there_is_said_in_one_line(
        self, arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(folder)
        assert cli.main(arguments) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "\ufffd" in err
