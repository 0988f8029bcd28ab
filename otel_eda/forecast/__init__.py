"""Forecasts of time series by robust statistics: plain Python over small series, with no knowledge of telemetry.

`TimeSeries` is what everything here is about: values at even times, where a gap is a gap. `outlook` continues one as a
band, `reaching` says when it reaches a bound, `running_out` when an age reaches its limit, `work_off` what becomes of a
backlog, `left_past` since when a series is not as it was. Each returns None where the series does not tell.
"""

from .ages import oldest, running_out
from .backlog import Backlog, work_off
from .change import Kind, LevelShift, left_past
from .outlook import Outlook, Reach, outlook, reaching
from .series import TimeSeries

__all__ = [
    "Backlog",
    "Kind",
    "LevelShift",
    "Outlook",
    "Reach",
    "TimeSeries",
    "left_past",
    "oldest",
    "outlook",
    "reaching",
    "running_out",
    "work_off",
]
