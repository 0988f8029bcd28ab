"""What may be measured, in promtool's notation: values of each minute, from an hour before on."""

from __future__ import annotations

from dataclasses import dataclass

GROUP = 'job="billing",messaging_system="kafka",messaging_consumer_group_name="billing"'
PLACE = f'{GROUP},messaging_destination_name="orders"'
QUEUE = 'job="billing",messaging_system="rabbitmq",messaging_destination_name="orders"'


@dataclass(frozen=True)
class Case:
    """What is measured, a value each minute in promtool's notation, and whether the alert fires after an hour.

    `also` are other alerts that must fire then.
    """

    alert: str
    when: str
    series: dict[str, str]
    fires: bool = True
    at: str = "60m"
    also: frozenset[str] = frozenset()


def sent(values: str, labels: str) -> dict[str, str]:
    return {f'messaging_client_sent_messages_total{{{QUEUE},instance="1"{labels}}}': values}


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


def returned(values: str) -> dict[str, str]:
    return {f'eda_returned_messages_total{{{QUEUE},instance="1"}}': values}


def unhandled(values: str, event: str = "invoice") -> dict[str, str]:
    return {f'eda_unhandled_events_total{{job="billing",instance="1",eda_event_type="{event}"}}': values}


def queued(short: str, long: str) -> dict[str, str]:
    """Count messages that waited less than a second, and less than five minutes, those included."""
    metric = f'eda_queue_duration_seconds_bucket{{{PLACE},instance="1",le='
    return {f'{metric}"1"}}': short, f'{metric}"300"}}': long, f'{metric}"+Inf"}}': long}


def polled(age: str, limit: str = "300x60") -> dict[str, str]:
    return {
        f'eda_consumer_poll_age_seconds{{{GROUP},instance="1"}}': age,
        f'eda_consumer_poll_limit_seconds{{{GROUP},instance="1"}}': limit,
    }
