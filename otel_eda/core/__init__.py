"""What every messaging library has in common: messages, operations, propagation, metrics, safety. Names no library.

An adapter needs no more than what is exported here.
"""

from .library import Library
from .lifecycle import AutoCommit, Close, Configure, Remember
from .message import Identity, Message
from .receive import Iterate, PullOne, Receive
from .send import Send
from .settle import Settle

__all__ = [
    "AutoCommit",
    "Close",
    "Configure",
    "Identity",
    "Iterate",
    "Library",
    "Message",
    "PullOne",
    "Receive",
    "Remember",
    "Send",
    "Settle",
]
