"""Every alert fires when it must and is silent when it must not, as Prometheus' own judge of rules says."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from brokers import tools
from brokers.prometheus import STACK
from docs.pages import ROOT, anchors, rows
from support.parts import available

from stack.cases import CASES
from stack.cases.series import counted, queued

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from stack.cases.series import Case

FILES = [STACK / name for name in yaml.safe_load((STACK / "prometheus.yml").read_text("utf-8"))["rule_files"]]
RULES: list[dict[str, Any]] = [
    rule for file in FILES for group in yaml.safe_load(file.read_text("utf-8"))["groups"] for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
NAMES = sorted({rule["alert"] for rule in ALERTS})
RUNBOOKS = ROOT / "docs" / "runbooks.md"
EXTERNAL = {"runbooks": "http://here/runbooks"}


def promtool() -> str:
    return available(lambda: tools.tool("promtool"))


def judge(folder: Path, tests: list[dict[str, Any]], files: Sequence[Path] = FILES) -> None:
    """Have promtool test the rules; raises `BuildError` with what it says."""
    file = folder / "tests.json"
    asked = {"rule_files": [str(path) for path in files], "evaluation_interval": "1m", "tests": tests}
    file.write_text(json.dumps(asked))
    tools.run([promtool(), "test", "rules", str(file)], folder)


def measured(series: Mapping[str, str]) -> dict[str, Any]:
    """Give the beginning of a test: what is measured, each minute."""
    return {
        "interval": "1m",
        "external_labels": EXTERNAL,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
    }


def fired(alerts: AbstractSet[str], at: str = "60m") -> dict[str, Any]:
    """Give the end of a test: which alerts fire then."""
    firing = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(alerts)]
    asked = 'group by (alertname) (ALERTS{alertstate="firing"})'
    return {"promql_expr_test": [{"expr": asked, "eval_time": at, "exp_samples": firing}]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.when}")
def test_an_alert_fires_or_not(case: Case, tmp_path: Path) -> None:
    judge(tmp_path, [measured(case.series) | fired({case.alert} | case.also if case.fires else case.also, case.at)])


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_is_seen_firing_and_silent(name: str) -> None:
    assert {case.fires for case in CASES if case.alert == name} == {True, False}


def test_what_an_alert_says(tmp_path: Path) -> None:
    labels = {"job": "billing", "messaging_consumer_group_name": "billing", "messaging_destination_name": "orders"}
    said = {
        "exp_labels": {**labels, "messaging_system": "kafka", "severity": "critical"},
        "exp_annotations": {
            "summary": "billing on orders has skipped messages",
            "description": "In ten minutes, commits have passed 2 messages that nobody processed successfully.",
            "runbook_url": "http://here/runbooks#skipped-messages",
        },
    }
    test = {"eval_time": "60m", "alertname": "EdaMessagesSkipped", "exp_alerts": [said]}
    judge(tmp_path, [measured(counted("eda_skipped_messages_total", "_x56 2x10")) | {"alert_rule_test": [test]}])


READER, PLACE = "messaging_consumer_group_name", "messaging_destination_name"
TEXT = re.compile(r'(?:summary|description)="((?:[^"\\]|\\.)*)"')
HOLE = re.compile(r"^\W|\s\s|\s[,.:]|\s$|<no value>|\b(on|of|to|from|in) (fails?|makes|have|has|are|were)\b")


def without(series: Mapping[str, str], *labels: str) -> dict[str, str]:
    """Give series that lack some labels."""
    return {re.sub(rf'({"|".join(labels)})="[^"]*",?', "", name): values for name, values in series.items()}


def texts(folder: Path, cases: Iterable[dict[str, Any]]) -> list[str]:
    """Give what alerts say that are not expected: promtool tells all of it."""
    file = folder / "tests.json"
    file.write_text(json.dumps({"rule_files": list(map(str, FILES)), "evaluation_interval": "1m", "tests": [*cases]}))
    done = subprocess.run([promtool(), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    return TEXT.findall(done.stdout + done.stderr)


@pytest.mark.parametrize("labels", [(READER,), (READER, PLACE)], ids=["no group", "no destination either"])
def test_no_text_has_a_hole_where_a_name_is_missing(labels: tuple[str, ...], tmp_path: Path) -> None:
    firing = [case for case in CASES if case.fires]
    said = texts(
        tmp_path,
        (
            measured(without(case.series, *labels))
            | {"alert_rule_test": [{"eval_time": case.at, "alertname": case.alert, "exp_alerts": []}]}
            for case in firing
        ),
    )
    assert len(said) >= 2 * len(firing)
    assert [text for text in said if HOLE.search(text)] == []


def test_a_hole_would_be_found() -> None:
    for text in (" on orders is late", "group  is late", "sends to  fail", "sends to fail", "of ."):
        assert HOLE.search(text), text


def test_a_threshold_goes_by_labels(tmp_path: Path) -> None:
    rules, thresholds = FILES
    text = thresholds.read_text("utf-8")
    [line] = re.findall(r"^#     (0 \* .+ or)$", text, re.MULTILINE)
    general = "0 * eda:queue_time:seconds + 60"
    other = tmp_path / "thresholds.yml"
    other.write_text(text.replace(general, f"{line} {general}"))
    slow = queued("0+90x60", "0+100x60")
    reports = {name.replace('"orders"', '"reports"'): values for name, values in slow.items()}
    judge(tmp_path, [measured(slow) | fired({"EdaQueueTime"}), measured(reports) | fired(set())], [rules, other])
    judge(tmp_path, [measured(reports) | fired({"EdaQueueTime"})])


def test_every_threshold_is_one_that_an_alert_is_held_against() -> None:
    known = {rule["record"] for rule in RULES if "record" in rule and rule["record"].endswith(":limit")}
    used = {name for rule in ALERTS for name in re.findall(r"eda:\w+:limit", rule["expr"])}
    assert used == known


def test_promtool_has_nothing_to_say_against_rules_and_configuration(tmp_path: Path) -> None:
    tools.run([promtool(), "check", "rules", "--lint-fatal", *map(str, FILES)], tmp_path)
    tools.run([promtool(), "check", "config", "--syntax-only", str(STACK / "prometheus.yml")], tmp_path)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_runbook(rule: dict[str, Any]) -> None:
    found = re.fullmatch(r"\{\{ \$externalLabels\.runbooks \}\}#([a-z-]+)", rule["annotations"]["runbook_url"])
    assert found is not None
    assert found[1] in anchors(RUNBOOKS)


def test_the_alerts_that_the_page_tells_are_those_there_are() -> None:
    told = {row[0].strip("`") for row in rows(ROOT / "docs" / "stack.md") if row[0].startswith("`Eda")}
    assert told == set(NAMES)
