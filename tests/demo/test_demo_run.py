from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.programs import MAIN
from support.waiting import until

from otel_eda import cli, demo
from otel_eda.demo import diagnose, processes, runner
from otel_eda.demo.processes import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.programs import Received

ORDERS = 60
SERVICES = ("shop", "payments", "shipping")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", MAIN, "demo", *arguments]


def kept(folder: Path) -> list[dict[str, object]]:
    """Every span of a kept day, as the collector's JSON has it, with its service."""
    return [
        {**span, "service": service_of(resource)}
        for line in (folder / "traces.jsonl").read_text().splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def service_of(resource: dict[str, dict[str, list[dict[str, dict[str, str]]]]]) -> str:
    pairs = {str(pair["key"]): pair["value"].get("stringValue", "") for pair in resource["resource"]["attributes"]}
    assert pairs["host.name"]
    assert pairs["ip"] == "127.0.0.1"
    return pairs["service.name"]


def test_the_demo_end_to_end(tmp_path: Path, endpoint: str, received: Received) -> None:
    run = subprocess.run(
        command("--orders", str(ORDERS), "--keep", str(tmp_path)),
        env={**os.environ, "COLUMNS": "160", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SDK_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "that cannot be" not in (tmp_path / "report.html").read_text("utf-8")
    spans = kept(tmp_path)
    assert {span["service"] for span in spans} == set(SERVICES)
    failures = [span for span in spans if "CardDeclinedError" in json.dumps(span.get("events", ""))]
    assert 0 < len(failures) < ORDERS / 2
    rows = {
        line.split()[0]: line.split()[1:4]
        for line in run.stdout.splitlines()
        if line.startswith(("orders ", "payments "))
    }
    # The order without a card has three tries; that to Iceland fails where it is shipped.
    assert rows["orders"] == [str(ORDERS + 1), str(ORDERS + 3), str(len(failures) + 3)]
    assert rows["payments"] == [str(ORDERS + 1), str(ORDERS + 1), "1"]
    tree = r"""trace ([0-9a-f]{32})
└── shop  send orders  \[\d\]@\d+  [\d.]+ ms  \+0.00 ms
    └── payments  process orders  \[\d\]@\d+  [\d.]+ ms  \+[\d.]+ ms
        └── payments  process order.placed  [\d.]+ ms  \+[\d.]+ ms
            └── payments  send payments  \[\d\]@\d+  [\d.]+ ms  \+[\d.]+ ms
                └── shipping  process payments  \[\d\]@\d+  [\d.]+ ms  \+[\d.]+ ms
                    ERROR KeyError 'IS'
                    └── shipping  process payment.taken  [\d.]+ ms  \+[\d.]+ ms
                        ERROR KeyError 'IS'
"""
    found = re.search(tree, run.stdout)
    assert found, run.stdout
    assert f"{endpoint} as well:\n  the one above: {found[1]}" in run.stdout
    assert sorted(span.span_id for span in received.all) == sorted(str(span["spanId"]) for span in spans)
    # A busy machine may add that messages waited; how wide the table is then, is nothing to hold on to.
    row = r"^(EDA\d+)  {}  .*?(\w+ ← \w+) \[\d\] @\d+ +[\d:]+ +(\d+) "
    sure, likely = (re.findall(row.format(word), run.stdout, re.MULTILINE) for word in ("CONFIRMED", "LIKELY"))
    assert sure == [("EDA104", "shipping ← payments", "1")], run.stdout
    # The poison message's last attempt sent a message on, which may stand for it.
    assert ("EDA402", "payments ← orders", "3") in likely, run.stdout
    report = tmp_path / "report.html"
    assert f"The report for a browser is {report}\n" in run.stdout
    assert found[1] in report.read_text()


@pytest.mark.parametrize(
    ("environ", "terminal", "watched"),
    [
        ({"DISPLAY": ":0"}, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, True),
        ({"DISPLAY": ":0"}, False, False),
        ({"DISPLAY": ":0", "CI": "true"}, True, False),
        ({}, True, sys.platform in {"darwin", "win32"}),
    ],
)
def test_the_report_is_opened_only_where_a_person_looks_on(
    environ: dict[str, str], terminal: bool, watched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert diagnose.watched(environ) is watched


def test_the_report_is_opened_with_the_browser_of_the_user_s_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o755)
    code = "import pathlib, sys; from otel_eda.demo.diagnose import look; look(pathlib.Path(sys.argv[1]))"
    environ = {**os.environ, "BROWSER": str(browser)}
    subprocess.run([sys.executable, "-c", code, "my report.html"], cwd=tmp_path, env=environ, check=True)
    assert until(lambda: opened.exists() and opened.read_text(), "the browser") == (
        f"file://{tmp_path}/my%20report.html"
    )


@pytest.fixture
def other_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace the demo's services by those with the given code."""

    def write(**code: str) -> None:
        folder = tmp_path / "services"
        folder.mkdir()
        for name in SERVICES:
            (folder / f"{name}.py").write_text(
                code.get(name, "print('ready', flush=True)\nimport time; time.sleep(60)")
            )
        monkeypatch.setattr(processes, "FOLDER", tmp_path)

    return write


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Every process that is started."""
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    return started


def test_a_service_that_crashes_is_shown_and_the_others_end(
    other_services: Callable[..., None], children: list[subprocess.Popen[bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    other_services(payments="print('ready', flush=True)\nraise RuntimeError('no money')")
    assert cli.main(["demo", "--orders", "5"]) == 2
    error = capsys.readouterr().err
    assert "payments ended with status 1" in error
    assert "RuntimeError: no money" in error
    assert len(children) >= 2
    assert all(child.returncode is not None for child in children)


def test_a_demo_that_hangs_ends(
    other_services: Callable[..., None],
    children: list[subprocess.Popen[bytes]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "QUIET", 5.0)  # in which not all of them may have started, on a busy machine
    other_services()
    assert cli.main(["demo", "--orders", "5"]) == 2
    assert "nothing happened for 5 s" in capsys.readouterr().err
    assert len(children) >= 2
    assert all(child.returncode is not None for child in children)


def test_services_without_telemetry_are_not_passed_off_as_a_success(
    other_services: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    other_services(**dict.fromkeys(SERVICES, "print('ready', flush=True)"))
    assert cli.main(["demo", "--orders", "5"]) == 2
    assert "only 0 of 12 processed events" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["demo", "--keep", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.startswith("otel-eda: [Errno 17] File exists")


def offspring(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads its children from Linux's /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupt_ends_the_services_too(number: signal.Signals) -> None:
    with subprocess.Popen(command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            until(lambda: len(offspring(run.pid)) >= 2, "the services to start")
            children = offspring(run.pid)
            run.send_signal(number)
            _, error = run.communicate(timeout=60)
        finally:
            run.kill()
    assert (run.returncode, error) == (130, "otel-eda: stopped\n")
    assert not any(map(alive, children))


def test_orders_must_be_a_number_of_at_least_one(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ("0", "-1", "many"):
        assert cli.main(["demo", f"--orders={wrong}"]) == 2
        assert "Invalid value for '--orders'" in capsys.readouterr().err.splitlines()[-1]


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delitem(sys.modules, "otel_eda.demo.runner", raising=False)
    monkeypatch.delitem(sys.modules, "otel_eda.demo.broker", raising=False)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    assert cli.main(["demo"]) == 2
    assert "confluent_kafka" in (error := capsys.readouterr().err)
    assert "pip install 'otel-eda[demo]'" in error


@pytest.mark.parametrize("path", sorted(Path(demo.__file__).parent.glob("services/*.py")), ids=lambda path: path.name)
def test_the_services_know_nothing_of_telemetry(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(str(node.module).partition(".")[0])
    assert imported <= {*sys.stdlib_module_names, "kafka"}


def test_the_services_environment_is_the_user_s_but_for_where_telemetry_goes() -> None:
    made = environment(
        "http://127.0.0.1:1",
        {
            "PATH": "/bin",
            "NO_PROXY": "intranet",
            "OTEL_SDK_DISABLED": "true",
            "OTEL_TRACES_SAMPLER": "always_off",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://elsewhere",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_RESOURCE_ATTRIBUTES": "team=a",
        },
    )
    assert made["PATH"] == "/bin"
    assert made["NO_PROXY"] == "127.0.0.1,intranet"
    assert made["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:1"
    assert made["OTEL_BSP_SCHEDULE_DELAY"] == "50"
    assert re.fullmatch(r"host\.name=.+,ip=127\.0\.0\.1,team=a", made["OTEL_RESOURCE_ATTRIBUTES"])
    assert not {"OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} & made.keys()
