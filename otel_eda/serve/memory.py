"""Gives memory that is free back to the system: glibc keeps what each thread had, and requests come in many threads."""

from __future__ import annotations

import ctypes
import sys

TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def give_back() -> None:
    """Have the C library give back what is free, if it knows how to; that takes some milliseconds."""
    if TRIM:
        TRIM(0)
