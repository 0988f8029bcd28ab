"""Hooks that were written for the official instrumentations of the pure Python Kafka clients."""

from __future__ import annotations

from typing import Any

from otel_eda.core import Hooks


def official_hooks(produce: Any, consume: Any) -> Hooks:
    """Return hooks that call those of the official instrumentation; what it cannot call it ignores."""
    return Hooks(
        (lambda span, call: produce(span, call.args, call.kwargs)) if callable(produce) else None,
        (lambda span, record: consume(span, record, (), {})) if callable(consume) else None,
    )
