"""The attributes of Kafka's spans as different instrumentations name and type them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Json: TypeAlias = "dict[str, Any]"
KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
TYPES = {"send": "publish"}
# As OpenTelemetry's conventions were in 2023, with which Java's agent and Python's instrumentations still go.
OF_2023 = {
    "messaging.operation.type": "messaging.operation",
    "messaging.destination.partition.id": "messaging.kafka.destination.partition",
    "messaging.kafka.offset": "messaging.kafka.message.offset",
    "messaging.consumer.group.name": "messaging.kafka.consumer.group",
    "messaging.client.id": "messaging.client_id",
    "server.address": "net.peer.name",
    "server.port": "net.peer.port",
}
OF_2021 = {
    **OF_2023,
    "messaging.destination.name": "messaging.destination",
    "messaging.destination.partition.id": "messaging.kafka.partition",
    "messaging.consumer.group.name": "messaging.kafka.consumer_group",
}


def as_it_is(span: Json) -> Json:
    """Return a span as the newest conventions have it."""
    return span


def of_2023(span: Json) -> Json:
    """Return a span by the names of 2023."""
    return _renamed(span, OF_2023)


def of_2021(span: Json) -> Json:
    """Return a span by the names of 2021."""
    return _renamed(span, OF_2021)


def by_protobuf(span: Json) -> Json:
    """Return a span as protobuf's own JSON has it: ids in base64, kinds by name, numbers as numbers."""
    made = dict(span)
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in made:
            made[name] = _base64(made[name])
    made["kind"] = f"SPAN_KIND_{KINDS[made['kind']]}"
    made["attributes"] = [_numeric(pair) for pair in made["attributes"]]
    made["links"] = [
        {**link, "traceId": _base64(link["traceId"]), "spanId": _base64(link["spanId"])}
        for link in made.get("links", ())
    ]
    return made


STYLES: tuple[Callable[[Json], Json], ...] = (as_it_is, as_it_is, of_2023, of_2021, by_protobuf)


def _renamed(span: Json, names: dict[str, str]) -> Json:
    made = {**span, "attributes": [_by(pair, names) for pair in span["attributes"]]}
    if "links" in span:
        made["links"] = [
            {**link, "attributes": [_by(pair, names) for pair in link.get("attributes", ())]} for link in span["links"]
        ]
    return made


def _by(pair: Json, names: dict[str, str]) -> Json:
    value = pair["value"]
    if pair["key"] == "messaging.operation.type":
        value = {"stringValue": TYPES.get(value["stringValue"], value["stringValue"])}
    return {"key": names.get(pair["key"], pair["key"]), "value": value}


def _numeric(pair: Json) -> Json:
    value = pair["value"]
    return {**pair, "value": {"intValue": int(value["intValue"])} if "intValue" in value else value}


def _base64(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode()
