"""Reads the messaging conventions (`conventions.json`) and our registry, and holds spans and metrics against them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from opentelemetry.trace import StatusCode

import otel_eda
from support.spans import attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan

OWN = "eda."  # the prefix of what the conventions have no name for
REGISTRY = Path(otel_eda.__file__).parent / "conventions"
TYPES: dict[str, type] = {
    "string": str,
    "int": int,
    "double": float,
    "boolean": bool,
    "string[]": tuple,
    "enum": str,
    "template[string]": str,
}
NAME, OPERATION, DESTINATION = "messaging.operation.name", "messaging.operation.type", "messaging.destination.name"
TEMPLATE = "messaging.destination.template"
EVERYWHERE = {"messaging.rabbitmq.destination.routing_key"}  # what a message that came back was sent by
PAIRS = (
    ("server.port", "server.address"),
    ("network.peer.port", "network.peer.address"),
    ("messaging.destination.anonymous", TEMPLATE),
    ("messaging.destination.temporary", TEMPLATE),
)


@dataclass(frozen=True)
class Rule:
    """What a span or a metric may and must carry."""

    attributes: Mapping[str, Mapping[str, Any]]

    def level(self, level: str) -> set[str]:
        """Give the attributes of a requirement level."""
        return {name for name, entry in self.attributes.items() if entry["requirement_level"] == level}

    @property
    def sampled_by(self) -> set[str]:
        """Give the attributes a sampler is to see."""
        return {name for name, entry in self.attributes.items() if entry.get("sampling_relevant")}


@lru_cache(maxsize=1)
def conventions() -> dict[str, Any]:
    """Read the file."""
    read: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return read


@lru_cache(maxsize=1)
def registry() -> dict[str, dict[str, Any]]:
    """Read our registry: its groups by their ids."""
    files = [yaml.safe_load(file.read_text("utf-8")) for file in sorted(REGISTRY.glob("*.yaml"))]
    return {group["id"]: group for file in files for group in file.get("groups", ())}


@lru_cache(maxsize=1)
def own_attributes() -> dict[str, dict[str, Any]]:
    """Give our attributes by their names."""
    return {entry["id"]: entry for entry in registry()["registry.eda"]["attributes"]}


def own_metric(name: str) -> dict[str, Any]:
    """Give one of our metrics."""
    return registry()[f"metric.{name}"]


def references(group: Mapping[str, Any]) -> set[str]:
    """Name the attributes that a metric or an event may carry."""
    return {entry["ref"] for entry in group["attributes"]}


def span_rule(system: str, operation: str, kind: str) -> Rule:
    """Give the rule of an operation's span: the system's own, else the generic one."""
    spans = conventions()["spans"]
    found = spans.get(f"messaging.{system}.{operation}.{kind}") or spans[f"messaging.{operation}.{kind}"]
    return Rule(found["attributes"])


def metric_rule(name: str) -> Rule:
    """Give the rule of a metric's points."""
    return Rule(conventions()["metrics"][name]["attributes"])


def wrong_values(attributes: Mapping[str, Any]) -> list[str]:
    """Name the attributes whose values are of a wrong type, deprecated, or not in the conventions at all."""
    return [problem for name, value in attributes.items() for problem in _wrong(name, value)]


def _wrong(name: str, value: Any) -> Iterable[str]:
    own = own_attributes()
    entry = own.get(name) or own.get(name.rpartition(".")[0]) or conventions()["attributes"].get(name)
    if entry is None:
        yield f"{name} is not in the conventions"
    elif entry.get("deprecated"):
        yield f"{name} is deprecated"
    elif type(value) is not TYPES[entry["type"]]:
        yield f"{name} is a {type(value).__name__}, not {entry['type']}"
    elif any(member["value"] == value and member["deprecated"] for member in entry.get("members", ())):
        yield f"{name}={value} is deprecated"


def wrong_name(span: ReadableSpan) -> list[str]:
    """Say what is wrong with a span's name: it is `{operation name} {destination}`, or the template of that."""
    place = TEMPLATE if attribute(span, TEMPLATE) is not None else DESTINATION
    wanted = " ".join(str(value) for key in (NAME, place) if (value := attribute(span, key)) is not None)
    return [] if span.name == wanted else [f"the name is {span.name!r}, not {wanted!r}"]


def named(attributes: Iterable[str]) -> set[str]:
    """Leave out the attributes that the conventions have no name for."""
    return {name for name in attributes if not name.startswith(OWN)}


def broken_rules(span: ReadableSpan) -> list[str]:
    """Say what the model does not allow of a span, whatever it is about; nothing for one that is no operation's."""
    attributes = dict(span.attributes or {})
    if OPERATION not in attributes:
        return [f"{name} without {OPERATION}" for name in attributes if name.startswith("messaging.")]
    rule = span_rule(str(attributes["messaging.system"]), str(attributes[OPERATION]), span.kind.name.lower())
    unknown = {DESTINATION} if span.status.status_code is StatusCode.ERROR else set()  # a pull that failed has none
    return [
        *wrong_values(attributes),
        *wrong_name(span),
        *(f"{name} is missing" for name in rule.level("required") - unknown - set(attributes)),
        *(f"{name} is not of such a span" for name in named(attributes) - set(rule.attributes) - EVERYWHERE),
        *_unpaired(attributes, failed=span.status.status_code is StatusCode.ERROR),
    ]


def _unpaired(attributes: Mapping[str, Any], failed: bool) -> Iterable[str]:
    if failed != ("error.type" in attributes):
        yield "an error without its type, or the other way round"
    for name, other in PAIRS:
        if name in attributes and other not in attributes:
            yield f"{name} without {other}"


def broken_metric(name: str, attributes: Mapping[str, Any]) -> list[str]:
    """Say what the model does not allow of a metric's point."""
    allowed = references(own_metric(name)) if name.startswith(OWN) else set(metric_rule(name).attributes)
    return [*wrong_values(attributes), *(f"{key} is not of {name}" for key in set(attributes) - allowed)]
