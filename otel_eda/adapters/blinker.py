"""blinker 1.6 to 1.x."""

from __future__ import annotations

from typing import Any

from otel_eda.core import Dispatch, Event, Library, Receivers

SIGNAL = "blinker.base:Signal"


def event(signal: Any) -> Event:
    """Return the event of a signal that is sent; a muted signal needs no receivers."""
    return Event(getattr(signal, "name", None) or type(signal), optional=signal.is_muted)


LIBRARY = Library(
    name="blinker",
    package="blinker",
    distribution="blinker",
    supported=((1, 6), (2,)),
    shapes=(
        Dispatch(f"{SIGNAL}.send", (), event, "send"),
        Dispatch(f"{SIGNAL}.send_async", (), event, "send"),
        Receivers(f"{SIGNAL}.receivers_for"),
    ),
)
