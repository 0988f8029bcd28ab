"""What EDA104 (lost in the consumer) makes of messages that were handed to threads, tasks and queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from diagnosis.honest.world import handled, linger, settle
from diagnosis.telemetry import BEGIN, SECOND, Telemetry, flow, pairs, scoped

from .helpers import BILLING, LIKELY, SUSPECT, only

if TYPE_CHECKING:
    from diagnosis.conftest import Diagnose
    from diagnosis.telemetry import Flow, Span
    from otel_eda.diagnosis.finding import Verdict

HANDED = {"eda.process.handed_over": True}
GIVEN_UP = {"eda.process.abandoned": True}
WAITED = HANDED | GIVEN_UP


def attempt(error: str | None, said: dict[str, Any]) -> tuple[Flow, Span]:
    """Give a flow in which one message has such an attempt, and was committed past."""
    made = flow(skip={12})
    span = made.billing.process(made.messages[12], 1.21, error=error, said=said)
    made.billing.commit("orders", 1.25, 7)
    return made, span


@pytest.mark.parametrize(("asked", "verdict"), [(True, SUSPECT), (False, LIKELY)])
def test_who_asks_for_the_error_may_do_something_about_it(diagnose: Diagnose, asked: bool, verdict: Verdict) -> None:
    made, span = attempt("KeyError", HANDED)
    if not asked:
        record = {"eventName": "eda.process.error_unretrieved", "traceId": span.trace, "spanId": span.id}
        record["timeUnixNano"] = span.json["endTimeUnixNano"]
        made.world.extra.append(scoped(made.billing, "resourceLogs", "scopeLogs", "logRecords", [record]))
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets) == (verdict, (6, 6))


@pytest.mark.parametrize(("took", "found"), [(0.0001, 1), (0.005, 0)])
def test_a_loop_that_only_looks_at_what_failed_has_not_done_it(diagnose: Diagnose, took: float, found: int) -> None:
    made, _ = attempt("KeyError", HANDED)
    made.billing.process(made.messages[12], 1.3, took, said={"eda.process.manual": True})
    findings = [one for one in diagnose(made.world).findings if one.code == "EDA104"]
    assert [(one.verdict, one.offsets) for one in findings] == [(SUSPECT, (6, 6))] * found


def test_what_nobody_got_out_of_a_queue(diagnose: Diagnose) -> None:
    finding = only(diagnose(attempt(None, {**HANDED, **GIVEN_UP})[0].world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets) == (LIKELY, (6, 6))


@pytest.mark.parametrize(("went_on", "verdict"), [(False, LIKELY), (True, SUSPECT)])
def test_a_worker_that_went_on_may_be_done(diagnose: Diagnose, went_on: bool, verdict: Verdict) -> None:
    said = {**GIVEN_UP, "eda.process.wait": 0.02, "eda.process.went_on": went_on or None}
    made = flow(skip={12})
    made.billing.commit("orders", 1.22, 7)
    made.billing.process(made.messages[12], 1.21, said=said)
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets) == (verdict, (6, 6))


def test_a_queue_that_was_full(diagnose: Diagnose) -> None:
    made = flow()
    said = pairs({"exception.type": "queue.Full"})
    made.works[12].json["events"] = [{"name": "eda.process.not_queued", "timeUnixNano": "1", "attributes": said}]
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets, finding.error) == (SUSPECT, (6, 6), "queue.Full")
    assert "a queue of the process refused it" in str(finding.detail)


def test_an_error_that_a_framework_catches_and_logs(diagnose: Diagnose) -> None:
    made = flow()
    said = {"exception.type": "LookupError", "eda.logger.name": "faststream.access.kafka"}
    event = {"name": "eda.process.error_logged", "timeUnixNano": "1", "attributes": pairs(said)}
    made.works[12].json["events"] = [event]
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets, finding.error) == (LIKELY, (6, 6), "LookupError")


def test_a_commit_of_several_partitions(diagnose: Diagnose) -> None:
    made = flow(skip=set(range(12, 40)))
    made.billing.receive(made.messages[12:20], 1.21)
    assert diagnose(made.world, "EDA104").findings == ()
    commit = made.billing.commit("orders", 1.25, 10)
    commit.json["attributes"] = [one for one in commit.json["attributes"] if "messaging." in one["key"]]
    part = {"messaging.destination.name": "orders", "messaging.destination.partition.id": "0", "eda.commit.offset": 10}
    commit.json["events"] = [{"name": "eda.commit.partition", "timeUnixNano": "1", "attributes": pairs(part)}]
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert finding.offsets == (6, 9)


@pytest.mark.parametrize(("at", "verdict"), [(7, LIKELY), (6, SUSPECT)])
def test_what_a_pool_gave_up_and_a_position_is_past(diagnose: Diagnose, at: int, verdict: Verdict) -> None:
    """Automatic commits have no spans, but the member says what it has committed."""
    made = flow(skip={12})
    made.billing.spans = [span for span in made.billing.spans if "commit" not in str(span.json["name"])]
    made.billing.process(made.messages[12], 1.21, said={**HANDED, **GIVEN_UP})
    said = {**BILLING, "messaging.destination.partition.id": "0", "eda.partition.next": 20, "eda.commit.offset": at}
    record = {"eventName": "eda.consumer.position", "timeUnixNano": str(BEGIN + 59 * SECOND), "attributes": pairs(said)}
    made.world.extra.append(scoped(made.billing, "resourceLogs", "scopeLogs", "logRecords", [record]))
    finding = only(diagnose(made.world, "EDA104").findings, "EDA104")
    assert (finding.verdict, finding.offsets) == (verdict, (6, 6))


@pytest.mark.parametrize(("failed", "verdict", "cause"), [(12, LIKELY, "error left"), (None, SUSPECT, "dropped it")])
def test_what_is_behind_an_error_that_left_the_loop_over_its_batch(
    diagnose: Diagnose, failed: int | None, verdict: Verdict, cause: str
) -> None:
    """Without an error before them, the last messages of a batch may have been filtered."""
    made = flow(skip={12, 14, 16})
    made.billing.receive(made.messages[8:18:2], 0.79)
    made.billing.process(made.messages[12], 1.21, error="KeyError" if failed else None)
    made.billing.commit("orders", 1.75, 9)
    moved = [work for work in made.works if work.json["links"][0]["spanId"] == made.messages[10].span.id]
    assert moved
    findings = diagnose(made.world, "EDA104").findings
    (finding,) = (one for one in findings if one.offsets == (7, 8))
    assert (finding.verdict, cause in finding.cause) == (verdict, True)
    made.billing.send("later", 1.5, 0)
    (finding,) = (one for one in diagnose(made.world, "EDA104").findings if one.offsets == (7, 8))
    assert finding.verdict is SUSPECT


@pytest.mark.parametrize(("begins", "verdict"), [(20, LIKELY), (22, SUSPECT)])
def test_a_commit_whose_answer_nobody_saw_and_where_the_next_member_begins(
    diagnose: Diagnose, begins: int, verdict: Verdict
) -> None:
    made = flow(40, 1, skip=set(range(16, 40)))
    for message in made.messages[16:20]:
        made.billing.process(message, 1.95, 0.1, said={**HANDED, **GIVEN_UP})
    cut = made.billing.commit("orders", 1.96, 20)
    cut.json["attributes"] += pairs({"error.type": "eda.unresolved"})
    heir = made.world.service("billing", group="billing")
    for turn in range(begins, 40):
        heir.process(made.messages[turn], turn * 0.1 + 0.5)
        heir.commit("orders", turn * 0.1 + 0.51, turn + 1)
    heir.other("still here", 60.0, 0.01)
    findings = [one for one in diagnose(made.world, "EDA104").findings if (one.offsets or (0, 0))[0] == 16]
    assert [one.verdict for one in findings] == [verdict]


@pytest.mark.parametrize(
    ("system", "acked", "lives", "verdict"),
    [
        ("rabbitmq", True, 5.3, LIKELY),
        ("rabbitmq", True, 60.0, SUSPECT),  # it may have dropped what something newer had overtaken
        ("zeromq", False, 5.3, SUSPECT),
        ("rabbitmq", False, 5.3, None),  # the broker delivers it again
    ],
)
def test_what_was_acknowledged_and_waited_in_its_process(
    diagnose: Diagnose, system: str, acked: bool, lives: float, verdict: Verdict | None
) -> None:
    world = Telemetry(1)
    shop, first, heir = (world.service(name, system=system) for name in ("shop", "billing", "billing"))
    handled(shop, first, "orders", [turn * 0.1 for turn in range(20)])
    works = [first.process(shop.send("orders", 5.0 + turn / 100), 5.1, 0.1, said=WAITED) for turn in range(2)]
    for work in works if acked else []:
        settle(first, work, "orders", 5.12)
    first.other("GET /health", lives, 0.001)
    heir.process(shop.send("orders", 20.0), 20.1)
    linger(shop, heir)
    found = [(one.verdict, one.count) for one in diagnose(world, "EDA104").findings]
    assert found == ([(verdict, 2)] if verdict else [])


@pytest.mark.parametrize("said", [{"eda.process.handed_over": None}, {"eda.process.wait": 0.05}])
def test_what_somebody_got_from_the_queue_or_kept_may_be_done(diagnose: Diagnose, said: dict[str, Any]) -> None:
    world = Telemetry(1)
    shop, mailer = (world.service(name, system="rabbitmq") for name in ("shop", "mailer"))
    handled(shop, mailer, "orders", [turn * 0.1 for turn in range(20)])
    settle(mailer, mailer.process(shop.send("orders", 5.0), 5.1, 0.1, said=WAITED | said), "orders", 5.12)
    linger(shop, world.service("mailer", system="rabbitmq"))
    assert diagnose(world, "EDA104").findings == ()
