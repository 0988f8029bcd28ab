"""The machine that a clock belongs to: in Kubernetes it is the node, whatever the pod is called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .telemetry import flow, pairs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("named", "host"),
    [
        ({"host.name": "pod-7"}, "pod-7"),
        ({"host.name": "pod-7", "k8s.node.name": "node-1"}, "node-1"),
        ({"host.name": "pod-7", "k8s.node.name": "node-1", "host.id": "machine"}, "machine"),
    ],
)
def test_the_node_is_the_machine(tmp_path: Path, named: dict[str, str], host: str) -> None:
    line = json.loads(flow(1).world.lines()[0])
    for request in line["resourceSpans"]:
        request["resource"]["attributes"] = pairs({"service.name": "shop", **named})
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(line), "utf-8")
    with Store() as store:
        store.read([Files(str(path))])
        assert store.ask("SELECT DISTINCT host FROM operations") == [(host,)]
