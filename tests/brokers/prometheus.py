"""Prometheus, with what it is told in stack/prometheus.yml, and a client of its API."""

from __future__ import annotations

import json
import shutil
import socket
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import tools
from .service import HOST, Service

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK = Path(__file__).parents[2] / "stack"
WAIT = 30.0  # seconds
SCRAPE = "1s"


class Prometheus:
    """A Prometheus by the URL of its API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Give the series that an expression has now."""
        result: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return result

    def value(self, expression: str) -> float:
        """Give an expression's only value now, 0 if it has none."""
        found = self.query(expression)
        assert len(found) <= 1, f"{expression} has {len(found)} series"
        return float(found[0]["value"][1]) if found else 0.0

    def names(self) -> set[str]:
        """Give the names of all metrics."""
        return set(self.get("label/__name__/values"))

    def get(self, path: str, **query: str) -> Any:
        """Ask its API; raises `HTTPError` for a question that it does not understand."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with self._opener.open(url, timeout=WAIT) as response:
            return json.load(response)["data"]


class PrometheusServer(Service):
    """The process of a Prometheus, which scrapes what is at those addresses in place of the containers."""

    name = "prometheus"
    listeners = 1

    def __init__(self, folder: Path, addresses: Mapping[str, str]) -> None:
        super().__init__(folder)
        self.addresses = addresses

    def client(self) -> Prometheus:
        """Give a client of it."""
        return Prometheus(f"http://{HOST}:{self.ports[0]}")

    def prepare(self) -> list[str]:
        """Write what is different from the container: addresses, and how often it looks."""
        import yaml

        config = yaml.safe_load((STACK / "prometheus.yml").read_text("utf-8"))
        config["global"] |= {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE}
        for job in config["scrape_configs"]:
            for group in job["static_configs"]:
                group["targets"] = [self.addresses[target] for target in group["targets"]]
        del config["alerting"]  # nobody is to be told
        for name in config["rule_files"]:
            shutil.copy(STACK / name, self.folder)
        file = self.folder / "prometheus.yml"
        file.write_text(json.dumps(config, indent=1))
        address = f"--web.listen-address={HOST}:{self.ports[0]}"
        return [str(program()), f"--config.file={file}", f"--storage.tsdb.path={self.data}", address, *features()]

    def ready(self) -> bool:
        """Tell whether it answers."""
        try:
            socket.create_connection((HOST, self.ports[0]), WAIT).close()
            self.client().query("vector(1)")
        except OSError:
            return False
        return True


def features() -> list[str]:
    """Give the features that docker-compose.yml asks of it."""
    import yaml

    compose = yaml.safe_load((STACK.parent / "docker-compose.yml").read_text("utf-8"))
    return [flag for flag in compose["services"]["prometheus"]["command"] if flag.startswith("--enable-feature=")]


def program() -> Path:
    """Give the path of the installed Prometheus."""
    return Path(tools.tool("prometheus"))
