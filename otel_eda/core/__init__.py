"""What every messaging library has in common: messages, operations, propagation, metrics, safety. Names no library.

This is the contract of an adapter, which needs no more than what is exported here.
"""

from otel_eda.config import config

from .clients.assignment import AssignmentChange
from .clients.in_flight import PublisherConfirm
from .clients.library import Library
from .inprocess.emitters import Dispatch, Event, Receivers, Run
from .lifecycle.changes import Carry, Replace, Suppress, within
from .lifecycle.construct import Close, CommitCallback, Construct
from .lifecycle.observe import (
    Listen,
    Observe,
    assigned,
    committed,
    log_start,
    queue_declared,
    rebalancing,
    seeked,
    unreadable,
)
from .message import DestinationTemplate, Identity, Message, Position
from .patching.takeover import Official
from .process.manual import inject
from .process.per_task import finish
from .receive.blocks import Block
from .receive.hand_over import HandOver
from .receive.handle import Handle, NameHandler, NoteError
from .receive.iterate import Generate, Iterate
from .receive.receive_batch import ReceiveBatch
from .receive.receive_future import MessageFuture, ReceiveFuture
from .receive.receive_one import ReceiveOne
from .receive.subscribe import Subscribe
from .runtime import guard
from .runtime.guard import guarded
from .runtime.operations import sending
from .runtime.tasks import report_future
from .send.batches import Create, origins
from .send.confirms import Confirmed, Returned
from .send.outcomes import DeliveryCallback, Reported
from .send.send import Send
from .send.send_batch import SendBatch
from .settle.settle import Acknowledge, Settle
from .settle.settlement import Tags
from .telemetry.errors import Outcome
from .telemetry.hooks import NO_HOOKS, Hooks

__all__ = [
    "NO_HOOKS",
    "Acknowledge",
    "AssignmentChange",
    "Block",
    "Carry",
    "Close",
    "CommitCallback",
    "Confirmed",
    "Construct",
    "Create",
    "DeliveryCallback",
    "DestinationTemplate",
    "Dispatch",
    "Event",
    "Generate",
    "HandOver",
    "Handle",
    "Hooks",
    "Identity",
    "Iterate",
    "Library",
    "Listen",
    "Message",
    "MessageFuture",
    "NameHandler",
    "NoteError",
    "Observe",
    "Official",
    "Outcome",
    "Position",
    "PublisherConfirm",
    "ReceiveBatch",
    "ReceiveFuture",
    "ReceiveOne",
    "Receivers",
    "Replace",
    "Reported",
    "Returned",
    "Run",
    "Send",
    "SendBatch",
    "Settle",
    "Subscribe",
    "Suppress",
    "Tags",
    "assigned",
    "committed",
    "config",
    "finish",
    "guard",
    "guarded",
    "inject",
    "log_start",
    "origins",
    "queue_declared",
    "rebalancing",
    "report_future",
    "seeked",
    "sending",
    "unreadable",
    "within",
]
