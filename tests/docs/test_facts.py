"""Every fact that the documentation promises to diagnosis is asserted by a test with the real clients."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from docs.pages import ROOT
from otel_eda import semconv

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = ROOT / "tests"
CONTRACT, RABBIT, ZMQ = "contract/test_", "adapters/pika/test_", "adapters/pyzmq/test_numbers.py"
CONFLUENT = "adapters/confluent_kafka/test_consumer.py"
HELD = {
    "server.address": f"{CONTRACT}conventions.py::test_a_send_span",
    "messaging.destination.name": f"{CONTRACT}conventions.py::test_a_send_span",
    "messaging.destination.partition.id": f"{CONTRACT}send.py::test_it_tells_where_the_message_is",
    "messaging.kafka.offset": f"{CONTRACT}send.py::test_it_tells_where_the_message_is",
    "messaging.client.id": f"{CONTRACT}conventions.py::test_a_send_span",
    "eda.sender.id": f"{ZMQ}::test_messages_are_numbered_by_their_sender",
    "eda.sender.sequence": f"{ZMQ}::test_messages_are_numbered_by_their_sender",
    "eda.message.key.hash": f"{CONTRACT}conventions.py::test_a_key_that_is_asked_for_is_on_both_sides",
    "error.type": f"{CONTRACT}send.py::test_a_delivery_failure_is_recorded",
    "eda.unresolved": "faults/test_sends.py::test_a_send_that_is_never_resolved_is_a_span_that_says_so",
    "eda.nacked": f"{RABBIT}callbacks.py::test_refused_and_returned_messages_are_failures",
    "eda.returned": f"{RABBIT}callbacks.py::test_refused_and_returned_messages_are_failures",
    "messaging.client.sent.messages": f"{CONTRACT}metrics.py::test_every_message_is_counted",
    "eda.producer.in_flight": f"{CONTRACT}facts.py::test_sends_without_an_answer_are_measured",
    "messaging.consumer.group.name": f"{CONTRACT}conventions.py::test_a_process_span_in_a_group",
    "eda.message.timestamp": f"{ZMQ}::test_messages_are_numbered_by_their_sender",
    "eda.message.redelivered": f"{RABBIT}settling.py::test_each_attempt_is_a_span_under_the_same_publish",
    "eda.message.auto_ack": f"{RABBIT}auto_ack.py::test_each_way_to_receive_says_it",
    "eda.message.delivery_count": f"{RABBIT}settling.py::test_a_quorum_queue_counts_attempts",
    "eda.message.death_count": f"{RABBIT}settling.py::test_a_dead_letter_tells_how_often_and_why_it_died",
    "eda.message.death_reason": f"{RABBIT}settling.py::test_a_dead_letter_tells_how_often_and_why_it_died",
    "eda.sender.missed": f"{ZMQ}::test_a_gap_is_a_loss",
    "messaging.client.consumed.messages": f"{CONTRACT}metrics.py::test_every_message_is_counted",
    "eda.queue.duration": f"{CONTRACT}metrics.py::test_queue_time_is_from_the_broker_to_the_body",
    "eda.process.abandoned": f"{CONTRACT}tasks.py::test_a_loop_that_is_left_ends_its_span_at_once",
    "eda.process.manual": f"{CONTRACT}by_hand.py::test_what_was_copied_is_processed_once",
    "eda.message.reprocessed": f"{CONTRACT}facts.py::test_what_the_ledger_knows_is_on_spans",
    "eda.message.out_of_order": f"{ZMQ}::test_repeats_and_what_comes_late",
    "eda.message.skipped": f"{CONTRACT}facts.py::test_what_the_ledger_knows_is_on_spans",
    "messaging.process.duration": f"{CONTRACT}metrics.py::test_every_message_is_counted",
    "eda.message.age": f"{CONTRACT}facts.py::test_ages_are_measured",
    "eda.event.unhandled": "contract/emitters/test_failures.py::test_an_event_without_receivers_is_told_and_counted",
    "eda.commit.offset": f"{CONFLUENT}::test_a_commit_without_arguments_tells_what_it_committed",
    "eda.commits": f"{CONFLUENT}::test_automatic_commits_are_counted",
    "eda.commit.skipped": f"{CONTRACT}facts.py::test_what_the_ledger_knows_is_on_spans",
    "eda.commit.regressed": f"{CONTRACT}facts.py::test_a_commit_that_goes_back_says_so",
    "messaging.rabbitmq.message.delivery_tag": f"{RABBIT}settling.py::test_each_way_to_settle_is_a_span",
    "eda.settle.requeue": f"{RABBIT}settling.py::test_each_attempt_is_a_span_under_the_same_publish",
    "eda.settle.dead_letter": f"{RABBIT}dead_letters.py::test_a_refusal_says_what_its_queue_was_declared_with",
    "eda.consumer.assigned": f"{CONTRACT}assignments.py::test_an_assignment_is_told_and_its_end",
    "eda.consumer.revoked": f"{CONTRACT}assignments.py::test_what_another_member_gets_is_revoked",
    "eda.consumer.assignments": f"{CONTRACT}facts.py::test_a_consumers_life_is_measured",
    "eda.consumer.unassigned.time": f"{CONTRACT}assignments.py::test_an_assignment_is_told_and_its_end",
    "eda.partition.next": f"{CONTRACT}assignments.py::test_how_far_a_consumer_is_is_told",
    "eda.partition.start": f"{CONTRACT}assignments.py::test_where_a_log_begins_is_told",
    "eda.partition.end": f"{CONTRACT}assignments.py::test_how_far_a_consumer_is_is_told",
    "eda.consumer.lag": f"{CONTRACT}lag.py::test_lag_is_what_the_broker_says",
    "eda.consumer.poll.age": f"{CONTRACT}facts.py::test_a_consumers_life_is_measured",
    "eda.consumer.poll.limit": f"{CONTRACT}assignments.py::test_an_assignment_is_told_and_its_end",
    "eda.consumer.in_flight": f"{CONTRACT}facts.py::test_what_is_at_work_is_measured",
    "eda.consumer.in_flight_age": f"{CONTRACT}facts.py::test_what_is_at_work_is_measured",
    "otel.sdk.processor.span.processed": "faults/test_exporters.py::test_the_sdk_counts_what_it_drops",
    "otel.sdk.exporter.span.exported": "faults/test_exporters.py::test_the_sdk_counts_what_it_drops",
}


def promised() -> set[str]:
    """Give the names in the second column of the documentation's table of facts."""
    page = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    table = page.partition("## Facts\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\|[^|]*\| `([a-z_.]+)` \|", table, re.MULTILINE))


@cache
def asserted(file: str) -> dict[str, set[str]]:
    """Give the texts that each test of a file works with: its own, its file's constants, its helpers'."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    constants = dict(_constants(tree))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}

    def texts(name: str, seen: frozenset[str]) -> set[str]:
        found: set[str] = set()
        for node in ast.walk(functions[name]):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.Name) and node.id in constants:
                found |= constants[node.id]
            elif isinstance(node, ast.Name) and node.id in functions and node.id not in seen:
                found |= texts(node.id, seen | {node.id})
        return found

    return {name: texts(name, frozenset({name})) for name in functions if name.startswith("test_")}


def _constants(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    for node in tree.body:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            names, value = (target, node.value) if isinstance(node, ast.Assign) else (target, target)
            pairs = (
                zip(names.elts, value.elts, strict=False)
                if isinstance(names, ast.Tuple) and isinstance(value, ast.Tuple)
                else [(names, value)]
            )
            for name, given in pairs:
                if isinstance(name, ast.Name):
                    yield (
                        name.id,
                        {
                            one.value
                            for one in ast.walk(given)
                            if isinstance(one, ast.Constant) and isinstance(one.value, str)
                        },
                    )


def test_the_facts_are_those_that_are_held() -> None:
    assert promised() == set(HELD)


@pytest.mark.parametrize(("fact", "place"), HELD.items(), ids=list(HELD))
def test_a_fact_is_asserted_by_a_test_with_the_real_clients(fact: str, place: str) -> None:
    file, _, name = place.partition("::")
    assert file.startswith(("contract/", "adapters/", "faults/", "e2e/"))
    assert fact in asserted(file)[name], f"{place} says nothing of {fact}"


def test_what_is_promised_is_what_there_is() -> None:
    known = {value for value in vars(semconv).values() if isinstance(value, str)}
    assert {fact for fact in HELD if not fact.startswith("otel.sdk.")} <= known
