"""A send keeps nothing once it is answered, and never its payload."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import pytest

from core.tinyqueue import Producer, Queue
from otel_eda.core.clients.instances import client_of

if TYPE_CHECKING:
    from support.recorder import Recorder

    from otel_eda.core import Library


@pytest.mark.parametrize("linger", [False, True])
def test_no_answered_send_is_kept(linger: bool, recorder: Recorder, library: Library) -> None:
    producer = Producer(Queue(), linger)
    client = client_of(producer, library)
    for topic in ("orders", "!orders") * 10:
        producer.send(topic, object())
    assert len(client.pending_sends) == (20 if linger else 0)
    producer.flush()
    assert client.pending_sends == {}


def test_a_send_that_waits_does_not_keep_its_payload(recorder: Recorder) -> None:
    class Payload:
        """Can be referenced weakly."""

    producer, payload = Producer(Queue(), linger=True), Payload()
    producer.send("orders", payload)
    kept = weakref.ref(payload)
    producer.waiting = [(receipt, None, headers) for receipt, _, headers in producer.waiting]
    del payload
    assert kept() is None
    producer.flush()
