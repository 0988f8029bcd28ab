"""Sends messages to itself and handles them: `busy.py NUMBER [forever]`; then exports what is left, traces first."""

from __future__ import annotations

import sys

import zmq
from opentelemetry import metrics, trace

number, forever = int(sys.argv[1]), sys.argv[2:] == ["forever"]
context = zmq.Context()
push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
pull.bind("inproc://orders")
push.connect("inproc://orders")
handled = 0
while forever or handled < number:
    push.send(b"order")
    handled += pull.recv() == b"order"
    if handled == number:
        print(handled, flush=True)
context.destroy(0)
for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
    provider.force_flush()  # type: ignore[attr-defined]
