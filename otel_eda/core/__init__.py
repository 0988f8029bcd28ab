"""What every messaging library has in common: messages, operations, propagation, metrics, safety. Names no library.

An adapter needs no more than what is exported here.
"""

from . import keys
from .deliver import Deliver
from .emitters import Dispatch, Event, Receivers, Run
from .library import Library
from .lifecycle import AutoCommit, Close, Configure, Remember
from .message import Identity, Message
from .receive import Generate, Iterate, PullOne, Receive
from .send import Send
from .settle import Acknowledge, Settle, Tags
from .tasks import report_future

__all__ = [
    "Acknowledge",
    "AutoCommit",
    "Close",
    "Configure",
    "Deliver",
    "Dispatch",
    "Event",
    "Generate",
    "Identity",
    "Iterate",
    "Library",
    "Message",
    "PullOne",
    "Receive",
    "Receivers",
    "Remember",
    "Run",
    "Send",
    "Settle",
    "Tags",
    "keys",
    "report_future",
]
