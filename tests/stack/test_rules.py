"""Every alert fires when it must and is silent when it must not, as Prometheus' own judge of rules says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from brokers import tools
from brokers.prometheus import STACK
from docs.pages import ROOT, anchors, rows
from support.parts import available

if TYPE_CHECKING:
    from pathlib import Path

RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((STACK / "rules.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
NAMES = sorted({rule["alert"] for rule in ALERTS})
RUNBOOKS = ROOT / "docs" / "runbooks.md"
GROUP = 'job="billing",messaging_system="kafka",messaging_consumer_group_name="billing"'
PLACE = f'{GROUP},messaging_destination_name="orders"'


@dataclass(frozen=True)
class Case:
    """What is measured, a value each minute in promtool's notation, and which alert fires after an hour, if any."""

    alert: str
    when: str
    series: dict[str, str]
    fires: bool = True
    at: str = "60m"


def lag(values: str) -> dict[str, str]:
    return {f'eda_consumer_lag{{{PLACE},instance="1"}}': values}


def consumed(values: str) -> dict[str, str]:
    return {f'messaging_client_consumed_messages_total{{{PLACE},instance="1"}}': values}


def counted(metric: str, values: str, labels: str = f'{PLACE},instance="1"') -> dict[str, str]:
    return {f"{metric}{{{labels}}}": values}


def handled(well: str, failed: str) -> dict[str, str]:
    handler = 'job="billing",instance="1",code_function_name="bill",eda_event_type="order"'
    metric = "eda_handler_duration_seconds_count"
    return {f"{metric}{{{handler}}}": well, f'{metric}{{{handler},error_type="ValueError"}}': failed}


def processed(well: str, failed: str) -> dict[str, str]:
    metric = f'messaging_process_duration_seconds_count{{{PLACE},instance="1"'
    return {f"{metric}}}": well, f'{metric},error_type="ValueError"}}': failed}


def queued(short: str, long: str) -> dict[str, str]:
    """Count messages that waited less than a second, and less than five minutes, those included."""
    metric = f'eda_queue_duration_seconds_bucket{{{PLACE},instance="1",le='
    return {f'{metric}"1"}}': short, f'{metric}"300"}}': long, f'{metric}"+Inf"}}': long}


def polled(age: str, limit: str = "300x60") -> dict[str, str]:
    return {
        f'eda_consumer_poll_age_seconds{{{GROUP},instance="1"}}': age,
        f'eda_consumer_poll_limit_seconds{{{GROUP},instance="1"}}': limit,
    }


DAY = 24 * 3600
SKIPPED, REPROCESSED = "eda_skipped_messages_total", "eda_reprocessed_messages_total"
REDELIVERED, DEAD = "eda_redelivered_messages_total", "eda_dead_lettered_messages_total"
MISSED, DISORDERED = "eda_missed_messages_total", "eda_out_of_order_messages_total"
SPANS = "otel_sdk_processor_span_processed_total"
CASES = [
    Case("EdaConsumerStalled", "there are messages, and none is taken", lag("5x60") | consumed("7x60")),
    Case("EdaConsumerStalled", "none was ever taken", lag("5x60")),
    Case("EdaConsumerStalled", "messages are taken", lag("5x60") | consumed("0+1x60"), fires=False),
    Case("EdaConsumerStalled", "there are no messages", lag("0x60") | consumed("7x60"), fires=False),
    Case(
        "EdaConsumerStalled",
        "a message is at work for long",
        counted("eda_consumer_in_flight_age_seconds", "0+60x60"),
    ),
    Case(
        "EdaConsumerStalled",
        "messages are at work for a while",
        counted("eda_consumer_in_flight_age_seconds", "200x60"),
        fires=False,
    ),
    Case("EdaConsumerStalled", "the group has thrown it out", polled("0+60x60")),
    Case("EdaConsumerStalled", "it polls seldom, as it may", polled("500x60", "900x60"), fires=False),
    Case("EdaConsumerGone", "its process has gone", counted("eda_consumer_partition_count", "3x40 stale")),
    Case(
        "EdaConsumerGone",
        "another process is there",
        {
            f'eda_consumer_partition_count{{{GROUP},instance="1"}}': "3x40 stale",
            f'eda_consumer_partition_count{{{GROUP},instance="2"}}': "_x41 3x20",
        },
        fires=False,
    ),
    Case(
        "EdaTelemetryIncomplete",
        "nobody can be scraped, so nobody counts as gone",
        counted("eda_consumer_partition_count", "3x40 stale") | counted("up", "1x40 0x20", 'job="services"'),
    ),
    Case(
        "EdaConsumerGone",
        "it has no partitions, for there are more consumers",
        {
            f'eda_consumer_partition_count{{{GROUP},instance="1"}}': "0x60",
        },
        fires=False,
    ),
    Case("EdaLagGrowing", "more come than are taken", lag("0+60x60") | consumed("0+60x60")),
    Case("EdaLagGrowing", "it is far behind, and catches up", lag("9000-60x60") | consumed("0+60x60"), fires=False),
    Case("EdaLagGrowing", "it is a few behind, and more than before", lag("0+1x60") | consumed("0+60x60"), fires=False),
    Case(
        "EdaRetentionNear", "it reads what is six days old", counted("eda_consumer_lag_time_seconds", f"{6 * DAY}x60")
    ),
    Case(
        "EdaRetentionNear",
        "it reads what is a day old",
        counted("eda_consumer_lag_time_seconds", f"{DAY}x60"),
        fires=False,
    ),
    Case(
        "EdaRetentionNear",
        "the log's begin comes nearer",
        counted("eda_consumer_retention_margin", "6000-100x60") | lag("60000x60") | consumed("0+60x60"),
    ),
    Case(
        "EdaRetentionNear",
        "it begins with an old log, and leaves its begin behind",
        counted("eda_consumer_retention_margin", "0+60x60") | lag("60000x60") | consumed("0+60x60"),
        fires=False,
    ),
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
    Case("EdaMessagesMissed", "some have not come", counted(MISSED, "_x56 3x10") | counted(DISORDERED, "_x56 2x10")),
    Case(
        "EdaMessagesMissed",
        "all have come late",
        counted(MISSED, "_x56 3x10") | counted(DISORDERED, "_x56 3x10"),
        fires=False,
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
    Case("EdaQueueTime", "a tenth waits for minutes", queued("0+90x60", "0+100x60")),
    Case("EdaQueueTime", "a hundredth waits for minutes", queued("0+99x60", "0+100x60"), fires=False),
    Case(
        "EdaTelemetryIncomplete",
        "a step of ours fails",
        counted("eda_telemetry_failures_total", "_x56 1x10", 'job="a",eda_step="end"'),
    ),
    Case(
        "EdaTelemetryIncomplete",
        "one did, long ago",
        counted("eda_telemetry_failures_total", "1x60", 'job="a",eda_step="end"'),
        fires=False,
    ),
    Case(
        "EdaTelemetryIncomplete", "the SDK drops spans", counted(SPANS, "_x56 9x10", 'job="a",error_type="queue_full"')
    ),
    Case("EdaTelemetryIncomplete", "the SDK drops none", counted(SPANS, "0+99x60", 'job="a"'), fires=False),
    Case(
        "EdaTelemetryIncomplete",
        "Jaeger takes no spans",
        counted("otelcol_exporter_send_failed_spans_total", "0x55 9x10", 'exporter="otlp"'),
    ),
    Case(
        "EdaTelemetryIncomplete",
        "the collector refuses spans",
        counted("otelcol_receiver_refused_spans_total", "0x55 9x10", 'receiver="otlp"'),
    ),
    Case(
        "EdaTelemetryIncomplete",
        "nothing is refused",
        counted("otelcol_receiver_refused_spans_total", "0x60", 'receiver="otlp"'),
        fires=False,
    ),
    Case(
        "EdaTelemetryIncomplete",
        "a metric has too many series",
        counted("eda_unhandled_events_total", "9x60", 'job="a",otel_metric_overflow="true"'),
    ),
    Case("EdaTelemetryIncomplete", "the collector is down", counted("up", "1x50 0x10", 'job="services"')),
    Case("EdaTelemetryIncomplete", "the collector is up", counted("up", "1x60", 'job="services"'), fires=False),
]


def promtool() -> str:
    return available(lambda: tools.tool("promtool"))


def judge(folder: Path, tests: list[dict[str, Any]]) -> None:
    """Have promtool test the rules; raises `BuildError` with what it says."""
    file = folder / "tests.json"
    file.write_text(json.dumps({"rule_files": [str(STACK / "rules.yml")], "evaluation_interval": "1m", "tests": tests}))
    tools.run([promtool(), "test", "rules", str(file)], folder)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.when}")
def test_an_alert_fires_or_not(case: Case, tmp_path: Path) -> None:
    firing = [{"labels": f'{{alertname="{case.alert}"}}', "value": 1}] if case.fires else []
    expected = {
        "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": case.at,
        "exp_samples": firing,
    }
    series = [{"series": name, "values": values} for name, values in case.series.items()]
    judge(tmp_path, [{"interval": "1m", "input_series": series, "promql_expr_test": [expected]}])


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_is_seen_firing_and_silent(name: str) -> None:
    assert {case.fires for case in CASES if case.alert == name} == {True, False}


def test_what_an_alert_says(tmp_path: Path) -> None:
    labels = {"job": "billing", "messaging_consumer_group_name": "billing", "messaging_destination_name": "orders"}
    said = {
        "exp_labels": {**labels, "messaging_system": "kafka", "severity": "critical"},
        "exp_annotations": {
            "summary": "billing on orders has skipped messages",
            "description": "In ten minutes, commits have passed 2 messages that nobody processed successfully.",
            "runbook_url": "http://here/runbooks#skipped-messages",
        },
    }
    series = [{"series": name, "values": values} for name, values in counted(SKIPPED, "_x56 2x10").items()]
    test = {"eval_time": "60m", "alertname": "EdaMessagesSkipped", "exp_alerts": [said]}
    external = {"runbooks": "http://here/runbooks"}
    judge(
        tmp_path, [{"interval": "1m", "input_series": series, "external_labels": external, "alert_rule_test": [test]}]
    )


def test_promtool_has_nothing_to_say_against_rules_and_configuration(tmp_path: Path) -> None:
    tools.run([promtool(), "check", "rules", "--lint-fatal", str(STACK / "rules.yml")], tmp_path)
    tools.run([promtool(), "check", "config", "--syntax-only", str(STACK / "prometheus.yml")], tmp_path)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_runbook(rule: dict[str, Any]) -> None:
    found = re.fullmatch(r"\{\{ \$externalLabels\.runbooks \}\}#([a-z-]+)", rule["annotations"]["runbook_url"])
    assert found is not None
    assert found[1] in anchors(RUNBOOKS)


def test_the_alerts_that_the_page_tells_are_those_there_are() -> None:
    told = {row[0].strip("`") for row in rows(ROOT / "docs" / "stack.md") if row[0].startswith("`Eda")}
    assert told == set(NAMES)
