"""Context in and out of the headers of messages."""

from .headers import extract, inject, pairs, span_context_in

__all__ = ["extract", "inject", "pairs", "span_context_in"]
