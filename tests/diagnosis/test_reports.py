"""What the commands show and return; what telemetry says stays data wherever it is shown."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb
import pytest
from brokers.tools import tool
from support.parts import available

from otel_eda import cli
from otel_eda.diagnosis.reports.plain import LONGEST, moment, printable

from .telemetry import flow

if TYPE_CHECKING:
    from pathlib import Path

EVIL = (
    "x\u202e\x1b[31m\x1b]0;owned\x07\r\n::error::gone</script><script>document.title='owned'</script>"
    "' OR 1=1; DROP TABLE operations; --[bold]"
)
KEYS = (
    "code", "verdict", "service", "destination", "group", "partition", "offset", "count", "first_time", "last_time",
    "trace_ids", "gates", "cause", "action",
)  # fmt: skip


@pytest.fixture
def faulty(tmp_path: Path) -> str:
    made = flow(skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.shop.send("audit", 3.0, 0)
    return str(made.world.write(tmp_path))


@pytest.fixture
def evil(tmp_path: Path) -> str:
    made = flow()
    made.shop.name = made.shop.name + EVIL
    for turn in range(3):
        made.shop.send(EVIL, turn, turn, said={"messaging.client.id": EVIL})
    made.shop.send(EVIL, 5.0, error=EVIL)
    return str(made.world.write(tmp_path))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = cli.main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


def everything(terminal: int) -> str:
    """Read until nobody writes to a pseudo-terminal any more."""
    read = bytearray()
    with suppress(OSError):
        while part := os.read(terminal, 1 << 16):
            read += part
    return read.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_shows_how_far_it_is_and_the_report_goes_elsewhere(faulty: str) -> None:
    import pty

    ours, theirs = pty.openpty()
    code = "import sys; from otel_eda.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "diagnose", faulty, "--fail-on", "never"]
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(everything, ours)  # meanwhile: a terminal that nobody reads holds little
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, env=environ, check=True, timeout=100)
        finally:
            os.close(theirs)
    os.close(ours)
    shown = reading.result()
    assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" in shown
    assert "reading" in shown or "EDA" in shown
    assert b"EDA104" in done.stdout
    assert b"\x1b" not in done.stdout


class TestStatus:
    def test_clean(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        status, out, err = run(capsys, "diagnose", str(flow().world.write(tmp_path)))
        assert (status, err) == (0, "")
        assert "nothing found" in out

    @pytest.mark.parametrize(("limit", "expected"), [("CONFIRMED", 1), ("LIKELY", 1), ("SUSPECT", 1), ("never", 0)])
    def test_found(self, capsys: pytest.CaptureFixture[str], faulty: str, limit: str, expected: int) -> None:
        assert run(capsys, "diagnose", faulty, "--fail-on", limit)[0] == expected

    def test_below_the_limit(self, capsys: pytest.CaptureFixture[str], faulty: str) -> None:
        assert run(capsys, "diagnose", faulty, "--select", "EDA107", "--fail-on", "CONFIRMED")[0] == 0

    @pytest.mark.parametrize(("options", "shown"), [((), 5), (("--evidence", "2"), 2), (("--evidence", "100"), 10)])
    def test_so_much_evidence_is_shown(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, options: tuple[str, ...], shown: int
    ) -> None:
        made = flow(40, 1)
        for turn in range(10):
            made.shop.send("orders", 5 + turn, error="Timeout")
        out = run(capsys, "diagnose", str(made.world.write(tmp_path)), "--format", "json", *options)[1]
        (finding,) = json.loads(out)["findings"]
        assert (finding["count"], len(finding["evidence"])) == (10, shown)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["diagnose", "nowhere.jsonl"],
            ["diagnose", __file__],
            ["diagnose", __file__, "--select", "EDA999"],
            ["explain", "EDA999"],
            ["trace", "0" * 32, __file__],
        ],
    )
    def test_could_not_run(self, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
        status, out, err = run(capsys, *arguments)
        assert (status, out) == (2, "")
        assert re.fullmatch(r"otel-eda: [^\n]+\n", err)

    def test_without_the_extra_it_says_what_to_install(
        self, capsys: pytest.CaptureFixture[str], faulty: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in ("duckdb", "otel_eda.diagnosis.duck", "otel_eda.diagnosis.engine", "otel_eda.diagnosis.store"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.setitem(sys.modules, "duckdb", None)
        status, out, err = run(capsys, "diagnose", faulty)
        assert (status, out) == (2, "")
        assert "pip install 'otel-eda[diagnosis]'" in err


class TestText:
    def test_one_line_for_each_finding(self, capsys: pytest.CaptureFixture[str], faulty: str) -> None:
        _, out, _ = run(capsys, "diagnose", faulty)
        assert "EDA104  CONFIRMED  Lost in the consumer  billing ← orders [0] @6" in out
        assert "EDA107  LIKELY     Unconsumed" in out

    def test_details(self, capsys: pytest.CaptureFixture[str], faulty: str) -> None:
        _, out, _ = run(capsys, "diagnose", faulty, "--details", "--jaeger-url", "http://jaeger:16686/")
        assert "G8 held: the message was delivered" in out
        assert "G9 open: a member without instrumentation" in out
        assert re.search(r"http://jaeger:16686/trace/[0-9a-f]{32} span [0-9a-f]{16}", out)
        assert "the group did before 5 and after 7" in " ".join(out.split())

    def test_cannot_be_steered_by_telemetry(self, capsys: pytest.CaptureFixture[str], evil: str) -> None:
        _, out, _ = run(capsys, "diagnose", evil, "--details")
        assert "EDA101" in out
        assert "[bold]" in out
        assert set(re.findall(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", out)) == set()


class TestJson:
    def test_has_the_keys_that_are_promised(self, capsys: pytest.CaptureFixture[str], faulty: str) -> None:
        _, out, _ = run(capsys, "diagnose", faulty, "--format", "json")
        report = json.loads(out)
        assert report["version"] == 1
        assert {"window", "completeness", "findings"} <= set(report)
        lost = report["findings"][0]
        assert set(KEYS) <= set(lost)
        assert (lost["code"], lost["partition"], lost["offset"], lost["group"]) == ("EDA104", "0", [6, 6], "billing")
        assert {gate["state"] for gate in lost["gates"]} == {"held"}

    def test_holds_what_telemetry_says_as_it_is(self, capsys: pytest.CaptureFixture[str], evil: str) -> None:
        report = json.loads(run(capsys, "diagnose", evil, "--format", "json")[1])
        assert EVIL in {finding["destination"] for finding in report["findings"]}


class TestGithub:
    def test_an_annotation_for_each_finding(self, capsys: pytest.CaptureFixture[str], faulty: str) -> None:
        _, out, _ = run(capsys, "diagnose", faulty, "--format", "github")
        assert [line.partition(" ")[0] for line in out.splitlines()] == ["::error", "::warning"]

    def test_no_other_command_gets_in(self, capsys: pytest.CaptureFixture[str], evil: str) -> None:
        _, out, _ = run(capsys, "diagnose", evil, "--format", "github")
        assert out
        assert all(re.match(r"::(error|warning|notice) title=EDA\d{3} [^:,]*::", line) for line in out.splitlines())


class TestHtml:
    @staticmethod
    def rendered(path: Path, folder: Path) -> str:
        browser = available(lambda: tool("chromium"))
        done = subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                f"--user-data-dir={folder}", "--virtual-time-budget=5000", "--dump-dom", path.as_uri(),
            ],
            capture_output=True, text=True, timeout=100, check=True,
        )  # fmt: skip
        return done.stdout

    def test_shows_everything_without_anything_else(
        self, capsys: pytest.CaptureFixture[str], faulty: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "report.html"
        assert run(capsys, "diagnose", faulty, "--format", "html", "-o", str(file))[0] == 1
        assert re.findall(r"(?:src|href)=", file.read_text("utf-8").partition("<script>")[0]) == []
        shown = self.rendered(file, tmp_path / "browser")
        body = shown.partition("<script>")[0]
        assert "Lost in the consumer" in body
        for part in ("Findings", "Flow", "Time in the queue", "Messages sent and not yet processed"):
            assert f"<h2>{part}" in body
        assert body.count("<svg") >= 4

    def test_runs_nothing_that_telemetry_says(
        self, capsys: pytest.CaptureFixture[str], evil: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "report.html"
        run(capsys, "diagnose", evil, "--format", "html", "-o", str(file), "--jaeger-url", "javascript:alert(1)")
        assert file.read_text("utf-8").count("<script>") == 1
        shown = self.rendered(file, tmp_path / "browser")
        assert "<title>Diagnosis</title>" in shown
        assert "&lt;script&gt;document.title=" in shown
        assert "javascript:" not in "".join(re.findall(r'href="[^"]*"', shown))
        # Nor does a control character reorder what stands beside it: it is alone in an element that is isolated.
        body = re.sub(r"<title>[^<]*</title>|<script>.*</script>", "", shown, flags=re.DOTALL)
        assert len(set(re.findall(r"<[^<]*>\u202e", body))) == 2
        assert re.sub(r'(<bdi>|<tspan unicode-bidi="isolate">)\u202e</', "", body).count("\u202e") == 0


class TestOtherCommands:
    def test_explain(self, capsys: pytest.CaptureFixture[str]) -> None:
        everything = run(capsys, "explain")[1]
        assert "EDA104  Lost in the consumer" in everything
        some = run(capsys, "explain", "eda1")[1]
        assert some.splitlines() == [line for line in everything.splitlines() if line.startswith("EDA1")]
        assert run(capsys, "explain", "eda104")[1].startswith("# EDA104: Lost in the consumer")
        assert "SELECT" in run(capsys, "explain", "EDA104", "--sql")[1]

    @pytest.mark.parametrize("name", ["orders/0/6", "orders/0@6"])
    def test_trace(self, capsys: pytest.CaptureFixture[str], faulty: str, name: str) -> None:
        status, out, _ = run(capsys, "trace", name, faulty)
        assert status == 0
        assert re.search(r"shop  send orders  \[0\]@6 .*\n.*billing  process orders  \[0\]@6 .*\n.*ERROR KeyError", out)

    def test_trace_says_what_is_missing(self, capsys: pytest.CaptureFixture[str], faulty: str) -> None:
        assert "no span shows who processed what shop sent to audit" in run(capsys, "trace", "audit/0/0", faulty)[1]

    def test_sql(self, capsys: pytest.CaptureFixture[str], faulty: str) -> None:
        question = "select type, count(*) as number from operations where system is not null group by all order by all"
        _, out, _ = run(capsys, "sql", faulty, question)
        assert next(csv.reader(out.splitlines())) == ["type", "number"]
        _, out, _ = run(capsys, "sql", faulty, question, "--format", "json")
        assert {"type": "process", "number": 40} in [json.loads(line) for line in out.splitlines()]

    def test_memory_is_as_much_as_is_given(self, capsys: pytest.CaptureFixture[str], faulty: str) -> None:
        question = "select current_setting('memory_limit')"
        limits = [run(capsys, "sql", faulty, question, *more)[1] for more in ([], ["--memory", "128"])]
        assert [limit.splitlines()[-1] for limit in limits] == ["762.9 MiB", "122.0 MiB"]

    @pytest.mark.parametrize(
        "question",
        [
            "select * from read_text('/etc/passwd')",
            "copy operations to 'stolen.csv'",
            "set enable_external_access = true",
            "install httpfs",
            "no sql at all",
        ],
    )
    def test_sql_reaches_the_tables_only(self, capsys: pytest.CaptureFixture[str], faulty: str, question: str) -> None:
        status, out, err = run(capsys, "sql", faulty, question)
        assert (status, out, err.count("\n")) == (2, "", 1)

    @pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
    def test_export(self, capsys: pytest.CaptureFixture[str], faulty: str, tmp_path: Path, ending: str) -> None:
        file = tmp_path / f"it's.{ending}"
        assert run(capsys, "export", faulty, "-o", str(file))[0] == 0
        reader = {"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json"}[ending]
        found = duckdb.connect().execute(f"SELECT count(*) FROM {reader}(?)", [str(file)]).fetchall()
        assert found == [(122,)]

    def test_export_refuses_what_it_does_not_know(self, capsys: pytest.CaptureFixture[str], faulty: str) -> None:
        assert run(capsys, "export", faulty, "-o", "x.xlsx")[0] == 2


def test_what_is_not_to_be_seen_is_replaced() -> None:
    assert printable("a\x1b[0m\u202eb\n") == "a\ufffd[0m\ufffdb\ufffd"
    assert len(printable("x" * 10_000)) == LONGEST + 1


def test_times_beyond_all_reason_are_written_too() -> None:
    assert moment(1_790_000_000_123_000_000) == "2026-09-21T14:13:20.123Z"
    assert [moment(time) for time in (None, -1, 2**63)] == ["-"] * 3
    assert moment(2**63 - 1).startswith("2262")
