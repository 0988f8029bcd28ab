"""When alerts on sends fire."""

from __future__ import annotations

from .series import Case, returned, sent

CASES = [
    Case("EdaSendsFailed", "one fails", sent("_x56 1x10", ',error_type="KafkaTimeoutError"')),
    Case("EdaSendsFailed", "all succeed", sent("0+60x60", ""), fires=False),
    Case("EdaSendsFailed", "one failed long ago", sent("1x60", ',error_type="KafkaTimeoutError"'), fires=False),
    Case(
        "EdaSendsFailed",
        "a full queue refuses now and then, and the application sends again",
        sent("0+5x60", ',error_type="BufferError"') | sent("0+60x60", ""),
        fires=False,
    ),
    Case("EdaSendsFailed", "a full queue refuses all the time", sent("0+50x60", ',error_type="BufferError"')),
    Case("EdaSendsUnanswered", "a process ended too early", sent("_x56 1x10", ',error_type="eda.unresolved"')),
    Case("EdaSendsUnanswered", "one did, long ago", sent("1x60", ',error_type="eda.unresolved"'), fires=False),
    Case("EdaSendsUnanswered", "all are answered", sent("0+60x60", ""), fires=False),
    Case("EdaMessagesReturned", "the client counts returns", returned("_x56 1x10")),
    Case("EdaMessagesReturned", "only the send says so", sent("_x56 1x10", ',error_type="eda.returned"')),
    Case(
        "EdaMessagesReturned",
        "both say so",
        returned("_x56 1x10") | sent("_x56 1x10", ',error_type="pika.exceptions.UnroutableError"'),
    ),
    Case("EdaMessagesReturned", "one was, long ago", returned("1x60"), fires=False),
]
