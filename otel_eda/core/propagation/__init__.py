"""Context in and out of the headers of messages."""

from .headers import carried, extract, inject, pairs

__all__ = ["carried", "extract", "inject", "pairs"]
