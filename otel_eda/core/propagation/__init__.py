"""Context in and out of message headers."""

from .headers import as_pairs, event_id, extract, inject, span_context_in

__all__ = ["as_pairs", "event_id", "extract", "inject", "span_context_in"]
