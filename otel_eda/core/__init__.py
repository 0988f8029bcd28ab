"""What every messaging library has in common: messages, operations, propagation, metrics, safety. Names no library.

An adapter needs no more than what is exported here.
"""

from otel_eda.config import config
from otel_eda.core.clients.assignment import Extent
from otel_eda.core.clients.in_flight import Answer
from otel_eda.core.clients.library import Library
from otel_eda.core.inprocess.emitters import Dispatch, Event, Receivers, Run
from otel_eda.core.lifecycle.calls import Carry, Change, Internal, within
from otel_eda.core.lifecycle.construct import Close, Commits, Configure
from otel_eda.core.lifecycle.observe import Assign, AutoCommit, Declare, Listen, LogStart, Rejoin, Seek
from otel_eda.core.message import Identity, Message, Position
from otel_eda.core.process.manual import inject
from otel_eda.core.process.per_task import finish
from otel_eda.core.receive.blocks import Enter, Handle, Leave
from otel_eda.core.receive.deliver import Deliver
from otel_eda.core.receive.iterate import Generate, Iterate
from otel_eda.core.receive.pull_later import Handed, PullLater
from otel_eda.core.receive.pull_one import PullOne
from otel_eda.core.receive.receive import Receive
from otel_eda.core.runtime import guard  # noqa: F401  # it listens from now on
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import sending
from otel_eda.core.runtime.tasks import report_future
from otel_eda.core.send.batches import Batch, Create, origins
from otel_eda.core.send.callbacks import Callback
from otel_eda.core.send.confirms import Confirm, Publish, Return
from otel_eda.core.send.send import Send
from otel_eda.core.send.send_many import SendMany
from otel_eda.core.settle.settle import Acknowledge, Settle
from otel_eda.core.settle.settlement import Tags
from otel_eda.core.telemetry.errors import Outcome

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
