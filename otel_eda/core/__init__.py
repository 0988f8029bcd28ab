"""What every messaging library has in common: messages, operations, propagation, metrics, safety. Names no library.

An adapter needs no more than what is exported here.
"""

from otel_eda.config import config

from . import notices  # noqa: F401  # it listens from now on
from .answers import Callback
from .assignment import Extent
from .batches import Batch, Create, origins
from .blocks import Enter, Handle, Leave
from .busy import sending
from .byhand import inject
from .carry import Carry
from .change import Change
from .configure import Commits, Configure
from .confirms import Answer, Confirm, Publish, Return
from .deliver import Deliver
from .depth import Declare
from .emitters import Dispatch, Event, Receivers, Run
from .errors import Outcome
from .futures import Handed, PullLater, within
from .guard import guarded
from .iterate import Generate, Iterate
from .library import Library
from .lifecycle import Close, Internal, finish
from .listen import Listen
from .many import SendMany
from .message import Identity, Message, Position
from .observe import Assign, AutoCommit, LogStart, Rejoin, Seek
from .pullone import PullOne
from .receive import Receive
from .send import Send
from .settle import Acknowledge, Settle, Tags
from .tasks import report_future

__all__ = [
    "Acknowledge",
    "Answer",
    "Assign",
    "AutoCommit",
    "Batch",
    "Callback",
    "Carry",
    "Change",
    "Close",
    "Commits",
    "Configure",
    "Confirm",
    "Create",
    "Declare",
    "Deliver",
    "Dispatch",
    "Enter",
    "Event",
    "Extent",
    "Generate",
    "Handed",
    "Handle",
    "Identity",
    "Internal",
    "Iterate",
    "Leave",
    "Library",
    "Listen",
    "LogStart",
    "Message",
    "Outcome",
    "Position",
    "Publish",
    "PullLater",
    "PullOne",
    "Receive",
    "Receivers",
    "Rejoin",
    "Return",
    "Run",
    "Seek",
    "Send",
    "SendMany",
    "Settle",
    "Tags",
    "config",
    "finish",
    "guarded",
    "inject",
    "origins",
    "report_future",
    "sending",
    "within",
]
