"""Dicts that threads share and that must not take all memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping


def drop_oldest(kept: MutableMapping[Any, Any], limit: int) -> None:
    """Drop the oldest entries of a dict until it is within its limit, whatever other threads do with it meanwhile."""
    while len(kept) > limit:
        try:
            del kept[next(iter(kept))]
        except (KeyError, RuntimeError, StopIteration):  # noqa: PERF203  # another thread has added or dropped one
            continue
