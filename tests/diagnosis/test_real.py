"""Real services on a real Kafka, and what they really export: the fault that is in them is found, and no other."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.programs import launched, run

from otel_eda import cli
from otel_eda.demo.file_exporter import FileExporter
from otel_eda.demo.receiver import receiver
from otel_eda.diagnosis import catalog, engine
from otel_eda.diagnosis.finding import Verdict
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

if TYPE_CHECKING:
    from brokers.kafka import Kafka
    from conftest import Topics

    from otel_eda.diagnosis.engine import Diagnosis

PROGRAMS = Path(__file__).parent / "programs"
COUNT = 20


def diagnosis(folder: Path, grace: float = 1.0) -> Diagnosis:
    with Store() as store:
        store.read([Files(str(folder))])
        return engine.diagnose(store, catalog.checks(), Bounds(grace=grace))


class Stage:
    """Runs the services and keeps what they export."""

    def __init__(self, kafka: Kafka, topic: str, folder: Path) -> None:
        self.kafka, self.topic, self.folder = kafka, topic, folder
        self.group = f"billing-{uuid.uuid4().hex[:8]}"

    def play(self, *faults: str) -> list[dict[str, Any]]:
        """Let the shop send and consumers with these faults read, one after the other; gives what is found."""
        with receiver(FileExporter(self.folder)) as endpoint:
            self._run(endpoint, "shop", "shop.py", COUNT)
            for fault in faults:
                self._run(endpoint, "billing", "billing.py", self.group, COUNT, fault)
        found = diagnosis(self.folder)
        assert all(item.complete for item in found.completeness if item.destination == self.topic)
        return [
            {"code": item.code, "verdict": item.verdict.name, "offset": item.offsets, "count": item.count}
            | {"cause": item.cause}
            for item in found.findings
        ]

    def _run(self, endpoint: str, service: str, program: str, *arguments: object) -> None:
        done = run(launched(endpoint, service), PROGRAMS / program, self.kafka.address, self.topic, *arguments)
        assert (done.status, done.errors) == (0, "")


@pytest.fixture
def stage(kafka: Kafka, topics: Topics, tmp_path: Path) -> Stage:
    return Stage(kafka, topics(1), tmp_path)


def test_nothing(stage: Stage) -> None:
    assert stage.play("none") == []


def test_an_error_that_is_swallowed(stage: Stage) -> None:
    (found,) = stage.play("swallows")
    assert (found["code"], found["verdict"], found["offset"]) == ("EDA104", "CONFIRMED", (7, 7))
    assert "committed all the same" in found["cause"]


def test_a_poison_message(stage: Stage) -> None:
    found = {item["code"]: item for item in stage.play("poisoned")}
    assert set(found) == {"EDA402", "EDA104"}
    assert (found["EDA402"]["verdict"], found["EDA402"]["offset"], found["EDA402"]["count"]) == ("CONFIRMED", (7, 7), 4)
    assert found["EDA104"]["offset"] == (7, 7)


def test_commits_that_are_forgotten(stage: Stage) -> None:
    found = stage.play("forgets", "none")
    assert {(item["code"], item["verdict"]) for item in found} == {("EDA202", "CONFIRMED"), ("EDA202", "LIKELY")}
    assert sum(item["count"] for item in found) == COUNT
    assert all("another member" in item["cause"] for item in found)


def test_nobody_reads(stage: Stage) -> None:
    assert stage.play() == []  # the shop is gone, so it may be that somebody still comes


def test_the_demo(tmp_path: Path) -> None:
    assert cli.main(["demo", "--orders", "30", "--keep", str(tmp_path)]) == 0
    found = diagnosis(tmp_path, grace=0.0)
    sure = [item for item in found.findings if item.verdict is Verdict.CONFIRMED]  # a busy machine may be late besides
    assert [(item.code, item.service, item.destination, item.count) for item in sure] == [
        ("EDA104", "shipping", "payments", 1),
    ]
    # The last attempt sent a message on, so what the poison message stands for may have been done elsewhere.
    (poison,) = [item for item in found.findings if item.code == "EDA402"]
    assert (poison.verdict, poison.service, poison.destination, poison.count) == (
        Verdict.LIKELY, "payments", "orders", 3,
    )  # fmt: skip
    assert all(item.complete for item in found.completeness)
