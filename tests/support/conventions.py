"""Reads the messaging conventions (`conventions.json`), and holds spans and metrics against them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.spans import attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan

OWN = "eda."  # the prefix of what the conventions have no name for
TYPES: dict[str, type] = {"string": str, "int": int, "double": float, "boolean": bool, "string[]": tuple, "enum": str}
NAME, OPERATION, DESTINATION = "messaging.operation.name", "messaging.operation.type", "messaging.destination.name"
TEMPLATE = "messaging.destination.template"


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
    return [
        problem for name, value in attributes.items() if not name.startswith(OWN) for problem in _wrong(name, value)
    ]


def _wrong(name: str, value: Any) -> Iterable[str]:
    entry = conventions()["attributes"].get(name)
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
