"""The collector and Jaeger take their configurations, and refuse what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from brokers import tools
from brokers.collector import CONFIG, CollectorServer, binary
from brokers.jaeger import CONFIG as JAEGER_CONFIG
from brokers.jaeger import JaegerServer
from brokers.jaeger import binary as jaeger_binary
from brokers.tools import BuildError

if TYPE_CHECKING:
    from pathlib import Path

    from brokers.jaeger import Jaeger


def test_the_collector_takes_its_configuration(collector: CollectorServer, tmp_path: Path) -> None:
    tools.run([str(binary()), "validate", f"--config={CONFIG}"], tmp_path)


def test_jaeger_takes_its_configuration(jaeger: Jaeger, tmp_path: Path) -> None:
    tools.run([str(jaeger_binary()), "validate", f"--config={JAEGER_CONFIG}"], tmp_path)


def test_a_mistake_would_be_found(collector: CollectorServer, tmp_path: Path) -> None:
    wrong = tmp_path / "collector.yaml"
    wrong.write_text(CONFIG.read_text("utf-8").replace("exporters: [prometheus,", "exporters: [prometeus,"))
    with pytest.raises(BuildError, match="prometeus"):
        tools.run([str(binary()), "validate", f"--config={wrong}"], tmp_path)


def test_the_ports_of_the_tests_are_those_of_the_containers(collector: CollectorServer) -> None:
    text = CONFIG.read_text("utf-8")
    for address in collector.addresses:
        assert address.partition(":")[2] in text
    assert JaegerServer.listeners == JAEGER_CONFIG.read_text("utf-8").count("0.0.0.0:")
