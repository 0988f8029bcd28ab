"""Alertmanager takes its configuration, and tells of alerts as the file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from brokers import tools
from brokers.prometheus import STACK
from support.parts import available

from stack.test_rules import ALERTS

if TYPE_CHECKING:
    from pathlib import Path

FILE = STACK / "alertmanager.yml"
CONFIG: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))


def amtool(folder: Path, *arguments: str) -> str:
    return tools.run([available(lambda: tools.tool("amtool")), *arguments], folder)


def test_alertmanager_takes_its_configuration(tmp_path: Path) -> None:
    assert "2 receivers" in amtool(tmp_path, "check-config", str(FILE))


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "urgent"), ("warning", "nobody")])
def test_who_is_told(severity: str, receiver: str, tmp_path: Path) -> None:
    told = amtool(tmp_path, "config", "routes", "test", f"--config.file={FILE}", f"severity={severity}")
    assert told.splitlines()[-1] == receiver


def test_every_severity_is_one_that_is_known() -> None:
    assert {rule["labels"]["severity"] for rule in ALERTS} == {"critical", "warning"}


def test_what_another_alert_says_already_is_an_alert_there_is() -> None:
    names = {rule["alert"] for rule in ALERTS}
    for rule in CONFIG["inhibit_rules"]:
        for matcher in [*rule["source_matchers"], *rule["target_matchers"]]:
            _, _, value = matcher.partition("=")
            assert set(value.strip('~"').split("|")) <= names
