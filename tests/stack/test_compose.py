"""The compose files are what their schema wants, and hang together with what they mount."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from docs.pages import ROOT

from otel_eda.diagnosis.settings import MEMORY
from stack.compose import ADDED, COMPOSE, FILE, OVERRIDE, PARTS, SERVICES

if TYPE_CHECKING:
    from pathlib import Path

DEMO = {"shop", "payments", "shipping"}
UNCHECKED = {"collector", "collector-scale", "diagnose", *DEMO}  # the file says why
EVERY = pytest.mark.parametrize("name", SERVICES)
# Where what a part keeps is, in its image; Jaeger keeps its traces in memory.
KEPT = {
    "kafka": "/var/lib/kafka/data",
    "rabbitmq": "/var/lib/rabbitmq",
    "collector": "/telemetry",
    "prometheus": "/prometheus",
    "alertmanager": "/alertmanager",
    "grafana": "/var/lib/grafana",
    "clickhouse-one": "/var/lib/clickhouse",
    "clickhouse-two": "/var/lib/clickhouse",
}
SCALE = {"clickhouse-one", "clickhouse-two", "collector-scale"}
UNITS = {"m": 1, "g": 1024}


def schema(file: Path) -> subprocess.CompletedProcess[str]:
    """Hold a file against the Compose Specification's schema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Give a service's mounts: from where, to where, and how."""
    found = [(*mount.split(":"), "rw") for mount in service.get("volumes", ())]
    return [(source, target, mode) for source, target, mode, *_ in found]


def megabytes(limit: str) -> int:
    """Give a limit of memory as a number."""
    return int(limit[:-1]) * UNITS[limit[-1]]


@pytest.mark.parametrize("file", [FILE, OVERRIDE], ids=lambda file: file.name)
def test_the_schema_has_nothing_against_it(file: Path) -> None:
    done = schema(file)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("right", "wrong"), [("mem_limit:", "mem_limits:"), ("restart: unless-stopped", "restart: [1]")]
)
def test_the_schema_knows_limits_and_restarts(right: str, wrong: str, tmp_path: Path) -> None:
    mistaken = tmp_path / "docker-compose.yml"
    mistaken.write_text(FILE.read_text("utf-8").replace(right, wrong, 1))
    assert schema(mistaken).returncode == 1


def test_the_schema_would_have_something_against_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(FILE.read_text("utf-8").replace("healthcheck:", "healthchek:", 1))
    assert "healthchek" in schema(wrong).stdout


def test_everything_is_there() -> None:
    usual = {"kafka", "rabbitmq", "collector", "jaeger", "prometheus", "alertmanager", "grafana"}
    assert set(PARTS) == usual | SCALE
    assert {name for name in PARTS if "profiles" in PARTS[name]} == SCALE
    assert set(ADDED) == {*DEMO, "serve", "diagnose"}


@EVERY
def test_what_ends_is_started_again_within_its_memory(name: str) -> None:
    assert SERVICES[name]["restart"] == ("no" if name == "diagnose" else "unless-stopped")
    assert megabytes(SERVICES[name]["mem_limit"]) >= 128


def test_limits_fit_what_is_told_to_who_is_limited() -> None:
    def limit(name: str) -> int:
        return megabytes(SERVICES[name]["mem_limit"])

    collector = yaml.safe_load((ROOT / "stack" / "collector.yaml").read_text("utf-8"))
    assert collector["processors"]["memory_limiter"]["limit_mib"] < limit("collector")
    heap = re.fullmatch(r"-Xmx(\d+)m", SERVICES["kafka"]["environment"]["KAFKA_HEAP_OPTS"])
    assert heap is not None
    assert 2 * int(heap[1]) < limit("kafka")  # the health check takes as much
    soft = re.fullmatch(r"(\d+)MiB", SERVICES["jaeger"]["environment"]["GOMEMLIMIT"])
    assert soft is not None
    assert int(soft[1]) < limit("jaeger")
    assert limit("diagnose") > MEMORY


def test_what_is_kept_is_in_a_volume() -> None:
    kept = {name: target for name in PARTS for source, target, _ in mounts(PARTS[name]) if source in COMPOSE["volumes"]}
    assert kept == KEPT
    assert {source for name in SERVICES for source, *_ in mounts(SERVICES[name]) if source[0] != "."} == set(
        COMPOSE["volumes"]
    )
    assert SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"] == KEPT["kafka"]
    for name, flag in (("prometheus", "storage.tsdb.path"), ("alertmanager", "storage.path")):
        assert f"--{flag}={KEPT[name]}" in SERVICES[name]["command"]
    assert SERVICES["rabbitmq"]["hostname"]


@EVERY
def test_versions_are_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    # ClickHouse's fixes come under the same two numbers.
    exact = r":v?\d+\.\d+\.\d+(-\w+)?$|/clickhouse-server:\d+\.\d+$"
    assert re.search(exact, image) or "build" in SERVICES[name]


@EVERY
def test_what_is_mounted_is_there(name: str) -> None:
    for source, _, mode in mounts(SERVICES[name]):
        if source.startswith("./"):
            assert (ROOT / source).exists()
            assert mode == "ro"
        else:
            assert source in COMPOSE["volumes"]


@EVERY
def test_ports_are_this_machines_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)


@EVERY
def test_health_is_checked_where_it_can_be(name: str) -> None:
    assert ("healthcheck" in SERVICES[name]) != (name in UNCHECKED)


@EVERY
def test_nobody_waits_for_what_is_not_there_or_never_well(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] == ("service_started" if other in UNCHECKED else "service_healthy")


def test_versions_are_those_of_the_tests() -> None:
    pom = (ROOT / "tests" / "brokers" / "kafka" / "pom.xml").read_text("utf-8")
    kafka = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([\d.]+)</version>", pom)
    module = (ROOT / "tests" / "brokers" / "collector" / "go.mod").read_text("utf-8")
    collector = re.search(r"prometheusexporter v([\d.]+)", module)
    assert kafka is not None
    assert collector is not None
    assert SERVICES["kafka"]["image"].endswith(f":{kafka[1]}")
    assert SERVICES["collector"]["image"].endswith(f":{collector[1]}")


def test_the_alert_on_retention_knows_how_long_it_is() -> None:
    hours = SERVICES["kafka"]["environment"]["KAFKA_LOG_RETENTION_HOURS"]
    assert hours == 7 * 24
    assert "7 * 24 * 3600" in (ROOT / "stack" / "thresholds.yml").read_text("utf-8")


def test_the_images_of_our_own_are_built_of_what_they_are_given() -> None:
    given = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    taken = re.findall(r"^COPY (.+) \S+$", (ROOT / "stack" / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert sorted(" ".join(taken).split()) == sorted(given)
    assert all((ROOT / path).exists() for path in given)


def test_what_containers_call_each_other_is_what_they_are_called() -> None:
    texts = [FILE, OVERRIDE, *(path for path in (ROOT / "stack").rglob("*.y*ml"))]
    named = {name for path in texts for name in re.findall(r"\b([a-z-]+):\d{4,5}\b", path.read_text("utf-8"))}
    assert named - {"localhost", "v"} <= set(SERVICES)
