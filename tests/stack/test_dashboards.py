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

from stack.compose import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GRAFANA = ROOT / "stack" / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
SOURCES = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "stack.yaml").read_text("utf-8"))["datasources"]
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
        for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", ()):
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
    mounted = dict(volume.split(":")[:2][::-1] for volume in PARTS["grafana"]["volumes"])
    assert mounted[folder] == "./stack/grafana/dashboards"
    assert mounted["/etc/grafana/provisioning"] == "./stack/grafana/provisioning"
    home = PARTS["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (GRAFANA / "dashboards" / home.removeprefix(f"{folder}/")).exists()


def test_runbooks_are_where_alerts_say() -> None:
    rules = yaml.safe_load((ROOT / "stack" / "prometheus.yml").read_text("utf-8"))
    base = rules["global"]["external_labels"]["runbooks"]
    path = urlsplit(base).path.replace("/public/", "/usr/share/grafana/public/")
    assert f"./docs/runbooks.md:{path}:ro" in PARTS["grafana"]["volumes"]


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


def chosen(file: Path) -> dict[str, str]:
    """Give the variables that stand for sources, as they are written, each with its kind of source."""
    listed = page(file)["templating"]["list"]
    return {f"${{{one['name']}}}": one["query"] for one in listed if one["type"] == "datasource"}


@EVERY
def test_everything_is_asked_of_a_source_that_can_be_chosen(file: Path) -> None:
    known = chosen(file)
    asked = [target["datasource"] for panel in panels(file) for target in panel["targets"]]
    asked += [panel["datasource"] for panel in panels(file)]
    asked += [one["datasource"] for one in page(file)["templating"]["list"] if one["type"] != "datasource"]
    assert asked
    assert all(known[source["uid"]] == source["type"] for source in asked)


@EVERY
def test_the_stacks_own_sources_are_chosen_first(file: Path) -> None:
    there = {source["uid"]: (source["type"], source["name"]) for source in SOURCES}
    listed = [one for one in page(file)["templating"]["list"] if one["type"] == "datasource"]
    assert [there[one["current"]["value"]] for one in listed] == [
        (one["query"], one["current"]["text"]) for one in listed
    ]
    assert len(listed) == 2


def test_alerts_are_shown_in_grafana() -> None:
    urls = {source["type"]: source["url"] for source in SOURCES}
    assert urls["alertmanager"].partition("//")[2] in (ROOT / "stack" / "prometheus.yml").read_text("utf-8")


def test_times_are_shown_in_heat_maps() -> None:
    heat = [panel for file in FILES for panel in panels(file) if panel["type"] == "heatmap"]
    assert len(heat) == 2
    for panel in heat:
        [target] = panel["targets"]
        assert (target["format"], target["legendFormat"]) == ("heatmap", "{{le}}")
        assert re.match(r"sum by \(le\) \(rate\(\w+_bucket\{", target["expr"])


@EVERY
def test_no_name_of_a_line_is_one_that_rabbitmq_lacks(file: Path) -> None:
    for panel in panels(file):
        for target in panel["targets"]:
            legend = target.get("legendFormat", "")
            assert "messaging_consumer_group_name" not in legend
            assert ("{{reader}}" in legend) == target["expr"].startswith("label_replace(label_join(")


@EVERY
def test_a_query_uses_the_variables_there_are_and_a_link_the_labels_there_are(file: Path) -> None:
    known = {variable["name"] for variable in page(file)["templating"]["list"]} | {"__rate_interval"}
    for panel in panels(file):
        for target in panel["targets"]:
            assert set(re.findall(r"\$([a-z_]\w*)", target["expr"])) <= known
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
        assert query["datasource"] == {"type": chosen(file)[pane["datasource"]], "uid": pane["datasource"]}
        assert (query["datasource"]["type"], query["queryType"]) == ("jaeger", "search")
        assert query["service"] == "${__field.labels.job}"
        for tag in re.findall(r"([a-z_.]+)=", query["tags"]):
            assert tag == "error" or f"`{tag}`" in (ROOT / "docs" / "telemetry.md").read_text("utf-8")


def test_most_panels_lead_to_traces() -> None:
    linked = [panel["title"] for file in FILES for panel, _ in links(file)]
    assert len(linked) > 25
    [exemplars] = [source["jsonData"]["exemplarTraceIdDestinations"] for source in SOURCES if source.get("isDefault")]
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
    metrics.remove("eda.message.age")  # only who asks for it has it
    suffix = r"(_seconds)?(_total|_bucket|_count)?\b"
    assert [one for one in metrics if not re.search(one.replace(".", "_") + suffix, everything)] == []
