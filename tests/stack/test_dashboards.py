"""Grafana finds every dashboard and source that its configuration tells of, and they fit together."""

from __future__ import annotations

import json
import re
import runpy
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from docs.pages import ROOT, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GRAFANA = ROOT / "stack" / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
SOURCES = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "stack.yaml").read_text("utf-8"))["datasources"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
TITLES = {"Flow overview", "Consumer group", "Handlers", "Integrity", "Telemetry health"}
EVERY = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def page(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def panels(file: Path) -> list[dict[str, Any]]:
    return [panel for panel in page(file)["panels"] if panel["type"] != "row"]


def links(file: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Give the links of a dashboard's panels, each with its panel."""
    for panel in panels(file):
        for link in panel["fieldConfig"]["defaults"].get("links", ()):
            yield panel, link["url"]


def test_the_files_are_what_the_program_writes() -> None:
    program = runpy.run_path(str(ROOT / "stack" / "dashboards.py"))
    written = {f"{page.uid}.json": page.build() for page in program["PAGES"]}
    assert {file.name: file.read_text("utf-8") for file in FILES} == written, "run stack/dashboards.py"


def test_every_dashboard_is_there_and_told() -> None:
    assert {page(file)["title"] for file in FILES} == TITLES
    assert {row[0].strip("*") for row in rows(ROOT / "docs" / "stack.md") if row[0].startswith("*")} == TITLES
    assert len({page(file)["uid"] for file in FILES}) == len(FILES)


def test_grafana_finds_them_and_opens_with_one() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "stack.yaml").read_text("utf-8"))
    [folder] = [one["options"]["path"] for one in provider["providers"]]
    mounted = dict(volume.split(":")[:2][::-1] for volume in COMPOSE["grafana"]["volumes"])
    assert mounted[folder] == "./stack/grafana/dashboards"
    assert mounted["/etc/grafana/provisioning"] == "./stack/grafana/provisioning"
    home = COMPOSE["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (GRAFANA / "dashboards" / home.removeprefix(f"{folder}/")).exists()


def test_runbooks_are_where_alerts_say() -> None:
    rules = yaml.safe_load((ROOT / "stack" / "prometheus.yml").read_text("utf-8"))
    base = rules["global"]["external_labels"]["runbooks"]
    path = urlsplit(base).path.replace("/public/", "/usr/share/grafana/public/")
    assert f"./docs/runbooks.md:{path}:ro" in COMPOSE["grafana"]["volumes"]


@EVERY
def test_panels_do_not_overlap_and_have_names(file: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in page(file)["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert taken.isdisjoint(cells), panel["title"]
        assert at["x"] + at["w"] <= 24
        assert panel["title"]
        taken |= cells


@EVERY
def test_everything_is_asked_of_a_source_there_is(file: Path) -> None:
    known = {source["uid"]: source["type"] for source in SOURCES}
    asked = [target["datasource"] for panel in panels(file) for target in panel["targets"]]
    asked += [variable["datasource"] for variable in page(file)["templating"]["list"]]
    assert asked
    assert all(known[source["uid"]] == source["type"] for source in asked)


@EVERY
def test_a_query_uses_the_variables_there_are_and_a_link_the_labels_there_are(file: Path) -> None:
    known = {variable["name"] for variable in page(file)["templating"]["list"]} | {"__rate_interval"}
    for panel in panels(file):
        for target in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= known
    for panel, link in links(file):
        labels = set(re.findall(r"__field\.labels\.(\w+)", link))
        for target in panel["targets"]:
            assert labels <= set(re.findall(r"\w+", " ".join(re.findall(r" by \(([^)]*)\)", target["expr"]))))


@EVERY
def test_a_link_is_a_search_for_traces(file: Path) -> None:
    for _, link in links(file):
        [text] = parse_qs(urlsplit(link).query)["panes"]
        [pane] = json.loads(text).values()
        [query] = pane["queries"]
        assert (pane["datasource"], query["datasource"]["uid"], query["queryType"]) == ("jaeger", "jaeger", "search")
        assert query["service"] == "${__field.labels.job}"
        for tag in re.findall(r"([a-z_.]+)=", query["tags"]):
            assert tag == "error" or f"`{tag}`" in (ROOT / "docs" / "telemetry.md").read_text("utf-8")


def test_most_panels_lead_to_traces() -> None:
    linked = [panel["title"] for file in FILES for panel, _ in links(file)]
    assert len(linked) > 25
    [exemplars] = [source["jsonData"]["exemplarTraceIdDestinations"] for source in SOURCES if "jsonData" in source]
    assert [one["datasourceUid"] for one in exemplars] == ["jaeger"]
    assert any(target.get("exemplar") for file in FILES for panel in panels(file) for target in panel["targets"])


def shown(file: Path) -> str:
    return " ".join(target["expr"] for panel in panels(file) for target in panel["targets"])


def test_every_metric_is_shown() -> None:
    everything = " ".join(map(shown, FILES)) + (ROOT / "stack" / "rules.yml").read_text("utf-8")
    table = (ROOT / "docs" / "telemetry.md").read_text("utf-8").partition("## Metrics")[2]
    metrics = re.findall(
        r"^\| `((?:messaging|eda)\.[a-z_.]+)` \| [a-z-]*(?:counter|gauge|histogram)", table, re.MULTILINE
    )
    assert len(metrics) > 25
    suffix = r"(_seconds)?(_total|_bucket|_count)?\b"
    assert [one for one in metrics if not re.search(one.replace(".", "_") + suffix, everything)] == []
