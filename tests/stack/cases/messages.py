"""When alerts on messages and events fire."""

from __future__ import annotations

from .series import PLACE, QUEUE, Case, counted, handled, processed, unhandled

SKIPPED, REPROCESSED = "eda_skipped_messages_total", "eda_reprocessed_messages_total"
REDELIVERED, DEAD = "eda_redelivered_messages_total", "eda_dead_lettered_messages_total"
MISSED, DISORDERED = "eda_missed_messages_total", "eda_out_of_order_messages_total"
LATE = frozenset({"EdaMessagesOutOfOrder"})
CASES = [
    Case("EdaMessagesSkipped", "one is skipped", counted(SKIPPED, "0x55 1x10")),
    Case("EdaMessagesSkipped", "the first one ever is skipped", counted(SKIPPED, "_x56 1x10")),
    Case("EdaMessagesSkipped", "one was skipped long ago", counted(SKIPPED, "1x60"), fires=False),
    Case(
        "EdaMessagesSkipped",
        "it could not be scraped ten minutes ago",
        counted(SKIPPED, "5x43 stale stale 5x20"),
        fires=False,
        at="55m",
    ),
    Case("EdaMessagesSkipped", "its process has started anew", counted(SKIPPED, "5x55 0x10"), fires=False),
    Case(
        "EdaMessagesMissed",
        "some have not come",
        counted(MISSED, "_x56 3x10") | counted(DISORDERED, "_x56 2x10"),
        also=LATE,
    ),
    Case(
        "EdaMessagesMissed",
        "all have come late",
        counted(MISSED, "_x56 3x10") | counted(DISORDERED, "_x56 3x10"),
        fires=False,
        also=LATE,
    ),
    Case("EdaDuplicateProcessing", "messages are processed again", counted(REPROCESSED, "_x56 3x10")),
    Case("EdaDuplicateProcessing", "they were, long ago", counted(REPROCESSED, "3x60"), fires=False),
    Case(
        "EdaPoisonMessage",
        "a message comes again and fails again",
        {
            **counted(REDELIVERED, "_x56 2x10"),
            **counted("messaging_process_duration_seconds_count", "_x56 3x10", f'{PLACE},instance="1",error_type="E"'),
            **counted("messaging_process_duration_seconds_count", "0+60x70", f'{PLACE},instance="1"'),
        },
    ),
    Case(
        "EdaPoisonMessage",
        "messages come again after a rebalance, and succeed",
        counted(REDELIVERED, "_x56 50x10"),
        fires=False,
    ),
    Case("EdaPoisonMessage", "messages fail, each but once", processed("0+60x60", "0+1x60"), fires=False),
    Case("EdaDeadLettersRising", "one is set aside", counted(DEAD, "_x56 1x10", 'job="billing",instance="1"')),
    Case("EdaDeadLettersRising", "one was, long ago", counted(DEAD, "1x60", 'job="billing",instance="1"'), fires=False),
    Case("EdaHandlerErrors", "a fifth fails in the handler", handled("0+80x60", "0+20x60")),
    Case("EdaHandlerErrors", "a fifth fails in the loop's body", processed("0+80x60", "0+20x60")),
    Case(
        "EdaHandlerErrors",
        "a twentieth fails",
        handled("0+95x60", "0+5x60") | processed("0+95x60", "0+5x60"),
        fires=False,
    ),
    Case("EdaHandlerErrors", "a fifth did for a moment", handled("0+80x60", "0x56 20x10"), fires=False),
    Case(
        "EdaDeadLettersRising",
        "one is rejected for good",
        counted("eda_settled_messages_total", "_x56 1x10", f'{QUEUE},eda_settle_requeue="false"'),
    ),
    Case(
        "EdaDeadLettersRising",
        "many are rejected to be delivered again, and acknowledged",
        {
            **counted("eda_settled_messages_total", "_x56 9x10", f'{QUEUE},eda_settle_requeue="true"'),
            **counted("eda_settled_messages_total", "0+9x60", f'{QUEUE},messaging_operation_name="ack"'),
        },
        fires=False,
    ),
    Case("EdaMessagesOutOfOrder", "one is begun after a later one of its key", counted(DISORDERED, "_x56 1x10")),
    Case("EdaMessagesOutOfOrder", "one was, long ago", counted(DISORDERED, "1x60"), fires=False),
    Case(
        "EdaEventsUnhandled",
        "a service has handlers, and none for it",
        unhandled("_x56 1x10") | handled("9x60", "0x60"),
    ),
    Case("EdaEventsUnhandled", "nothing of the service handles events", unhandled("_x56 1x10"), fires=False),
    Case(
        "EdaEventsUnhandled",
        "it is a signal of Flask's",
        unhandled("0+9x60", "request-started") | handled("9x60", "0x60"),
        fires=False,
    ),
]
