"""Names that brokers and clients make up at each start: on spans as they are, elsewhere as templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.spans import attribute

from otel_eda.adapters import _rabbitmq
from otel_eda.adapters.pyzmq import addresses
from otel_eda.core import DestinationTemplate

if TYPE_CHECKING:
    from support.recorder import Recorder

NAME, TEMPLATE = "messaging.destination.name", "messaging.destination.template"
ANONYMOUS, TEMPORARY = "messaging.destination.anonymous", "messaging.destination.temporary"
UUID, DIGITS = "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "6f9619ff8b86d011b42d00cf4fc964ff"
REPLY = "amq.rabbitmq.reply-to"


@pytest.mark.parametrize(
    ("exchange", "key", "queue", "template", "anonymous"),
    [
        ("", "amq.gen-Xyz", "", "amq.gen-{id}", True),
        ("", "amq.gen-Xyz", "amq.gen-Xyz", "amq.gen-{id}", True),
        ("events", "order", "amq.gen-Xyz", "events:order:amq.gen-{id}", True),
        ("", f"{REPLY}.g1h", REPLY, f"{REPLY}.{{id}}", True),
        ("", f"{REPLY}.g1h", "", f"{REPLY}.{{id}}", True),
        ("", f"amq_{DIGITS}", "", "amq_{id}", True),
        ("", "spring.gen-a8B", "", "spring.gen-{id}", True),
        ("", UUID, "", "{id}", True),
        ("", DIGITS.upper(), "", "{id}", True),
        ("", f"answers.{UUID}", "", "answers.{id}", False),
        ("events", f"order.{UUID}", "", "events:order.{id}", False),
        ("events", f"order.{UUID}", "orders", "events:order.{id}:orders", False),
    ],
)
def test_a_destination_of_rabbitmq(exchange: str, key: str, queue: str, template: str, anonymous: bool) -> None:
    found = _rabbitmq.destination(exchange, key, queue)
    assert isinstance(found, DestinationTemplate)
    assert found == template
    said = [exchange, key] if queue in {key, REPLY} else [exchange, key, queue]
    marks = {ANONYMOUS: True, TEMPORARY: True} if anonymous else {}
    assert found.attributes == {NAME: ":".join(filter(None, said)), **marks}


@pytest.mark.parametrize(
    "key", ["orders", "amq.gen", "amq_orders", REPLY, f"{DIGITS}{DIGITS}", UUID[:-1], "2026-11-28", "v1.2.3"]
)
def test_a_name_that_stays_is_no_template(key: str) -> None:
    assert type(_rabbitmq.destination("", key)) is str
    assert _rabbitmq.destination("", key) == key


@pytest.mark.parametrize(
    ("endpoint", "template"),
    [
        ("tcp://127.0.0.1:54321", "tcp://127.0.0.1:{port}"),
        ("tcp://[::1]:32768", "tcp://[::1]:{port}"),
        ("ipc:///tmp/tmpAbC123/socket", "ipc:///tmp/tmp{id}/socket"),
        (f"inproc://{UUID}", "inproc://{id}"),
        (f"inproc://answers-{DIGITS}", "inproc://answers-{id}"),
        ("inproc://140234123412345.inproc", "inproc://{id}.inproc"),
    ],
)
def test_a_destination_of_zeromq(endpoint: str, template: str) -> None:
    found = addresses.destination(endpoint)
    assert isinstance(found, DestinationTemplate)
    assert found == template
    assert found.name == found.attributes[NAME] == endpoint
    assert addresses.server(endpoint)[1] is None  # neither is the port to be in metrics


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:5555", "tcp://10.0.0.7:32767", "inproc://work", "ipc:///run/a"])
def test_an_address_that_stays_is_no_template(endpoint: str) -> None:
    assert type(addresses.destination(endpoint)) is str


def test_spans_of_a_made_up_port_have_it_and_metrics_do_not(recorder: Recorder) -> None:
    zmq = pytest.importorskip("zmq")
    with zmq.Context() as context, context.socket(zmq.PULL) as far, context.socket(zmq.PUSH) as near:
        port = far.bind_to_random_port("tcp://127.0.0.1")
        near.connect(f"tcp://127.0.0.1:{port}")
        near.send(b"1")
        far.recv()
    for span in (*recorder.sends(1), *recorder.processes(1)):
        assert span.name == f"{attribute(span, 'messaging.operation.name')} tcp://127.0.0.1:{{port}}"
        assert (attribute(span, NAME), attribute(span, "server.port")) == (f"tcp://127.0.0.1:{port}", port)
    for metric in ("messaging.client.sent.messages", "messaging.process.duration"):
        (point,) = recorder.points(metric)
        assert (point.attributes or {}).get(TEMPLATE) == "tcp://127.0.0.1:{port}"
        assert not {NAME, "server.port"} & set(point.attributes or {})
