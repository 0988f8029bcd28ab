"""Grafana's dashboards: `python stack/dashboards.py` writes them to `stack/grafana/dashboards`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import HeatmapCellLayout, LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER = Path(__file__).parent / "grafana" / "dashboards"
# Which of Grafana's sources are meant can be chosen, so that the dashboards fit another Grafana; first the stack's own.
SOURCES = {"metrics": "prometheus", "traces": "jaeger"}
PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${metrics}")
JAEGER = {"type": "jaeger", "uid": "${traces}"}
WIDTH, HEIGHT, LOW = 8, 8, 4

SERVICE = "job"
SYSTEM = "messaging_system"
DESTINATION = "messaging_destination_name"
GROUP = "messaging_consumer_group_name"
HANDLER = "code_function_name"
EVENT = "eda_event_type"
ERROR = "error_type"
# The tag that a span has for a series' label.
TAGS = {
    SYSTEM: "messaging.system",
    DESTINATION: "messaging.destination.name",
    GROUP: "messaging.consumer.group.name",
    HANDLER: "code.function.name",
    EVENT: "eda.event.type",
    ERROR: "error.type",
}
CHOSEN = f'{SERVICE}=~"$service"'
GROUPS = f'{CHOSEN},{GROUP}=~"$group",{DESTINATION}=~"$destination"'
CLIENTS = f'{CHOSEN},{GROUP}=~"$group"'
EACH_GROUP = f"{SERVICE}, {GROUP}, {DESTINATION}"
MARGIN_AHEAD = f"predict_linear(eda:retention_margin:messages{{{GROUPS}}}[1h], 3600)"


def rate(metric: str, where: str = CHOSEN, by: tuple[str, ...] = (SERVICE, DESTINATION)) -> str:
    """Say how much a counter grows each second."""
    return f"sum by ({', '.join(by)}) (rate({metric}{{{where}}}[$__rate_interval]))"


def share(metric: str, where: str, by: tuple[str, ...]) -> str:
    """Say which share of what a histogram counts has failed."""
    failed = rate(f"{metric}_count", f'{where},{ERROR}!=""', by)
    whole = rate(f"{metric}_count", where, by)
    return f"({failed} or 0 * {whole}) / {whole}"


def quantile(q: float, metric: str, where: str = CHOSEN, by: tuple[str, ...] = (SERVICE, DESTINATION)) -> str:
    """Say which duration that share of a histogram does not exceed."""
    return f"histogram_quantile({q}, {rate(f'{metric}_bucket', where, (*by, 'le'))})"


def mean(metric: str) -> str:
    """Say how long a duration is on average."""
    return f"{rate(f'{metric}_sum')} / {rate(f'{metric}_count')}"


def now(how: str, metric: str, where: str = GROUPS, by: tuple[str, ...] = (SERVICE, GROUP, DESTINATION)) -> str:
    """Sum up a gauge."""
    return f"{how} by ({', '.join(by)}) ({metric}{{{where}}})"


def read_by(query: str) -> str:
    """Say in the label `reader` who reads: the group or, since RabbitMQ's queues have none, the service."""
    both = f'label_join({query}, "reader", ";", "{GROUP}", "{SERVICE}")'
    return f'label_replace({both}, "reader", "$1", "reader", ";?([^;]+).*")'


def recent(what: str, by: tuple[str, ...] = (SERVICE, GROUP, DESTINATION)) -> str:
    """Say how many there were in ten minutes, by the rules that alerts use; zero for whoever had none."""
    none = f"0 * sum by ({', '.join(by)}) (messaging_client_consumed_messages_total{{{GROUPS}}})"
    return f"sum by ({', '.join(by)}) (eda:{what}:10m{{{GROUPS}}}) or {none}"


def sums(metric: str) -> str:
    """Add up by destination what there is now."""
    return now("sum", metric, CHOSEN, (SERVICE, DESTINATION))


def missed() -> str:
    """Say how many messages of ZeroMQ's senders have not come, though later ones have."""
    late = f"eda:out_of_order_messages:10m{{{CHOSEN}}} or 0 * eda:missed_messages:10m{{{CHOSEN}}}"
    return f"sum by ({SERVICE}, {DESTINATION}) (eda:missed_messages:10m{{{CHOSEN}}} - ({late}))"


def troubles(rule: str, by: str) -> str:
    """Say what a rule tells of each service; zero for whoever has none."""
    none = f"0 * sum by ({SERVICE}) (target_info{{{CHOSEN}}})"
    return f"sum by ({SERVICE}, {by}) ({rule}{{{CHOSEN}}}) or {none}"


@dataclass(frozen=True)
class Chart:
    """A panel over time: a query for each legend. Its lines lead to the traces that have their labels as tags."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    tags: tuple[str, ...] = (DESTINATION,)
    only: str = ""
    about: str = ""
    exemplars: bool = False

    def panel(self) -> timeseries.Panel:
        """Draw it."""
        made = timeseries.Panel().title(self.title).description(self.about).unit(self.unit).min(0)
        made = made.datasource(PROMETHEUS).span(WIDTH).height(HEIGHT).fill_opacity(10)
        legend = common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
        made = made.legend(legend.placement(LegendPlacement.BOTTOM))
        if self.tags or self.only:
            made = made.data_links([_traces(self.tags, self.only)])
        for number, (legend_, asked) in enumerate(self.queries.items()):
            query = read_by(asked) if READER in legend_ else asked
            target = prometheus.Dataquery().expr(query).legend_format(legend_).ref_id(chr(ord("A") + number))
            made = made.with_target(target.range().exemplar(self.exemplars).datasource(PROMETHEUS))
        return made


@dataclass(frozen=True)
class Heat:
    """A heat map of a histogram: how many of its values lie within each of its buckets."""

    title: str
    metric: str
    about: str = ""

    def panel(self) -> heatmap.Panel:
        """Draw it."""
        made = (
            heatmap.Panel().title(self.title).description(self.about).datasource(PROMETHEUS).span(WIDTH).height(HEIGHT)
        )
        made = made.calculate(False).rows_frame(heatmap.RowsHeatmapOptions().layout(HeatmapCellLayout.LE))
        made = made.cell_values(heatmap.CellValues().unit("mps")).y_axis(heatmap.YAxisConfig().unit("s"))
        made = made.color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64))
        target = prometheus.Dataquery().expr(rate(f"{self.metric}_bucket", by=("le",))).legend_format("{{le}}")
        return made.with_target(
            target.ref_id("A").range().format(PromQueryFormat.HEATMAP).exemplar(False).datasource(PROMETHEUS)
        )


@dataclass(frozen=True)
class Number:
    """A panel of one number."""

    title: str
    query: str
    unit: str = "short"
    about: str = ""

    def panel(self) -> stat.Panel:
        """Draw it."""
        made = stat.Panel().title(self.title).description(self.about).unit(self.unit).datasource(PROMETHEUS)
        target = prometheus.Dataquery().expr(self.query).ref_id("A").instant().datasource(PROMETHEUS)
        return made.span(LOW).height(LOW).with_target(target)


@dataclass(frozen=True)
class Page:
    """A dashboard: numbers first, then charts by row."""

    uid: str
    title: str
    about: str
    variables: dict[str, str]
    rows: Mapping[str, Sequence[Chart | Heat]]
    numbers: tuple[Number, ...] = ()

    def build(self) -> str:
        """Give it as JSON."""
        made = dashboard.Dashboard(self.title).uid(f"eda-{self.uid}").description(self.about).tags(["otel-eda"])
        made = made.time("now-15m", "now").refresh("5s").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
        made = made.link(_pages()).editable()
        for name, kind in SOURCES.items():
            made = made.with_variable(_source(name, kind))
        for name, query in self.variables.items():
            made = made.with_variable(_variable(name, query))
        for number in self.numbers:
            made = made.with_panel(number.panel())
        for title, charts in self.rows.items():
            made = made.with_row(dashboard.Row(title))
            for chart in charts:
                made = made.with_panel(chart.panel())
        return json.dumps(made.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _traces(tags: tuple[str, ...], only: str) -> dashboard.DashboardLink:
    said = " ".join(filter(None, [only, *(f'{TAGS[tag]}="${{__field.labels.{tag}}}"' for tag in tags)]))
    service = "${__field.labels.job}"
    query = {"refId": "A", "datasource": JAEGER, "queryType": "search", "service": service, "tags": said}
    pane = {"datasource": JAEGER["uid"], "queries": [query], "range": {"from": "${__from}", "to": "${__to}"}}
    panes = quote(json.dumps({"traces": pane}, separators=(",", ":")), safe="${}:,._")
    return dashboard.DashboardLink("Traces").url(f"/explore?schemaVersion=1&panes={panes}").target_blank(True)


def _pages() -> dashboard.DashboardLink:
    made = dashboard.DashboardLink("otel-eda").type(DashboardLinkType.DASHBOARDS).tags(["otel-eda"])
    return made.as_dropdown(False).include_vars(True).keep_time(True)


def _source(name: str, kind: str) -> dashboard.DatasourceVariable:
    made = dashboard.DatasourceVariable(name).label(name.capitalize()).type(kind)
    return made.current(VariableOption(text=kind.capitalize(), value=kind))


def _variable(name: str, query: str) -> dashboard.QueryVariable:
    made = dashboard.QueryVariable(name).label(name.capitalize()).datasource(PROMETHEUS).query(query)
    made = made.current(VariableOption(text=["All"], value=["$__all"]))
    return made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True).all_value(".*")


SERVICES = {"service": f"label_values(target_info, {SERVICE})"}
CONSUMED = "messaging_client_consumed_messages_total"
CONSUMERS = {
    **SERVICES,
    "group": f"label_values({CONSUMED}{{{CHOSEN}}}, {GROUP})",
    "destination": f"label_values({CONSUMED}{{{CLIENTS}}}, {DESTINATION})",
}
BY_DESTINATION = "{{job}}: {{messaging_destination_name}}"
READER = "{{reader}}"
BY_GROUP = f"{READER}: {{{{messaging_destination_name}}}}"
BY_CLIENT = READER
BY_HANDLER = "{{job}}: {{code_function_name}}"
OPERATION, PROCESS = "messaging_client_operation_duration_seconds", "messaging_process_duration_seconds"
QUEUE, HANDLING = "eda_queue_duration_seconds", "eda_handler_duration_seconds"
SENDING = f'{CHOSEN},messaging_operation_type="send"'
WITHIN = {f"half, {BY_DESTINATION}": 0.5, f"95 %, {BY_DESTINATION}": 0.95}
FIRING = 'ALERTS{alertstate="firing",alertname=~"Eda.+"}'
WAITING = "eda_consumer_waiting_time_seconds_total"
CLIENT, CALL = (SERVICE, SYSTEM, GROUP), (SERVICE, HANDLER, EVENT)
SENDERS = f"0 * {sums('messaging_client_sent_messages_total')}"
CONSUMERS_EACH = now("count", WAITING, CLIENTS, CLIENT)
OVERFLOWN = f'count by ({SERVICE}) ({{otel_metric_overflow="true",{CHOSEN}}})'


def _quantiles(metric: str, where: str = CHOSEN) -> dict[str, str]:
    return {legend: quantile(q, metric, where) for legend, q in WITHIN.items()}


FLOW = Page(
    "flow",
    "Flow overview",
    "What is sent and processed, how fast, and what fails.",
    SERVICES,
    {
        "Messages": [
            Chart("Sent", {BY_DESTINATION: rate("messaging_client_sent_messages_total")}, "mps"),
            Chart("Processed", {BY_DESTINATION: rate(f"{PROCESS}_count")}, "mps"),
            Chart("Lag", {BY_DESTINATION: now("sum", "eda_consumer_lag", CHOSEN, (SERVICE, DESTINATION))}),
        ],
        "Time": [
            Chart(
                "Queue time",
                _quantiles(QUEUE),
                "s",
                about="From a message's timestamp to the start of its processing.",
                exemplars=True,
            ),
            Chart("Processing", _quantiles(PROCESS), "s", exemplars=True),
            Chart("From call to acknowledgement", _quantiles(OPERATION, SENDING), "s", exemplars=True),
            Chart(
                "From the beginning to the end",
                {BY_DESTINATION: f"{mean(QUEUE)} + {mean(PROCESS)}"},
                "s",
                about="From a message's timestamp to the end of its processing, on average.",
            ),
            Heat("Queue times", QUEUE, "How many messages waited for how long."),
            Heat("Processing times", PROCESS, "How many messages took how long."),
        ],
        "Processes": [
            Chart("Processors", {"{{job}}": rate("process_cpu_time_seconds_total", CHOSEN, (SERVICE,))}, tags=()),
            Chart("Memory", {"{{job}}": f"sum by ({SERVICE}) (process_memory_usage_bytes{{{CHOSEN}}})"}, "bytes", ()),
        ],
        "Failures": [
            Chart(
                "Share of processing that fails",
                {BY_DESTINATION: share(PROCESS, CHOSEN, (SERVICE, DESTINATION))},
                "percentunit",
                only="error=true",
            ),
            Chart(
                "Share of sends that fail",
                {BY_DESTINATION: share(OPERATION, SENDING, (SERVICE, DESTINATION))},
                "percentunit",
                only="error=true",
            ),
            Chart("Alerts that fire", {"{{alertname}}": f"count by (alertname) ({FIRING}) or vector(0)"}, tags=()),
        ],
    },
    (
        Number("Sent", f"sum({rate('messaging_client_sent_messages_total')})", "mps"),
        Number("Processed", f"sum({rate(f'{PROCESS}_count')})", "mps"),
        Number("Processing that fails", share(PROCESS, CHOSEN, ()), "percentunit"),
        Number("Lag", f"sum(eda_consumer_lag{{{CHOSEN}}})", about="Messages that wait for a consumer."),
        Number("Queue time, 95 %", f"max({quantile(0.95, QUEUE)})", "s"),
        Number("Alerts that fire", f"count({FIRING}) or vector(0)"),
    ),
)
GROUPED = Page(
    "group",
    "Consumer group",
    "How far behind a group is, and what its consumers do.",
    CONSUMERS,
    {
        "Behind": [
            Chart("Lag", {BY_GROUP: now("sum", "eda_consumer_lag")}),
            Chart(
                "Lag in time",
                {BY_GROUP: now("max", "eda_consumer_lag_time_seconds")},
                "s",
                about="The age of the message handed over last, if more messages wait.",
            ),
            Chart(
                "Offsets until retention",
                {BY_GROUP: now("min", "eda_consumer_retention_margin")},
                about="Offsets from the beginning of the log to the next message to be read.",
            ),
            Chart(
                "Lag in an hour",
                {BY_GROUP: now("sum", "eda:lag_ahead:messages", GROUPS)},
                about="By the line through the last half hour, where lag rises; `otel-eda serve` shows a range.",
            ),
            Chart(
                "Offsets until retention in an hour",
                {BY_GROUP: f"min by ({EACH_GROUP}) ({MARGIN_AHEAD})"},
                about="By the line through the last hour; below zero, messages are deleted before they are read.",
            ),
            Chart(
                "Since the last poll in half an hour",
                {BY_CLIENT: now("max", "eda:poll_age_ahead:seconds", CLIENTS, CLIENT)},
                "s",
                (SYSTEM,),
                about="By the line through the longest pauses of the last hour, where they grow.",
            ),
        ],
        "Work": [
            Chart("Handed over", {BY_GROUP: rate(CONSUMED, GROUPS, (SERVICE, GROUP, DESTINATION))}, "mps"),
            Chart(
                "Busy",
                {BY_CLIENT: f"1 - clamp_max({rate(WAITING, CLIENTS, CLIENT)} / {CONSUMERS_EACH}, 1)"},
                "percentunit",
                (SYSTEM,),
                about="The share of the time that is not spent in polls.",
            ),
            Chart("At work", {BY_GROUP: now("sum", "eda_consumer_in_flight")}),
            Chart("Oldest at work", {BY_GROUP: now("max", "eda_consumer_in_flight_age_seconds")}, "s"),
            Chart(
                "Since the last poll",
                {
                    f"{BY_CLIENT}": now("max", "eda_consumer_poll_age_seconds", CLIENTS, CLIENT),
                    f"{BY_CLIENT}, at most": now("min", "eda_consumer_poll_limit_seconds", CLIENTS, CLIENT),
                },
                "s",
                (SYSTEM,),
            ),
            Chart(
                "Polls",
                {
                    BY_GROUP: rate(
                        f"{OPERATION}_count",
                        f'{CLIENTS},messaging_operation_type="receive"',
                        (SERVICE, GROUP, DESTINATION),
                    )
                },
                "ops",
            ),
        ],
        "Group": [
            Chart(
                "Partitions",
                {
                    f"{BY_CLIENT} {{{{instance}}}}": now(
                        "sum", "eda_consumer_partition_count", CLIENTS, (*CLIENT, "instance")
                    )
                },
                tags=(SYSTEM,),
            ),
            Chart(
                "Assignments and revocations",
                {BY_CLIENT: rate("eda_consumer_assignments_total", CLIENTS, CLIENT)},
                "ops",
                (SYSTEM,),
            ),
            Chart(
                "Time without partitions",
                {BY_CLIENT: rate("eda_consumer_unassigned_time_seconds_total", CLIENTS, CLIENT)},
                "percentunit",
                (SYSTEM,),
                about="The share of the time, summed over consumers.",
            ),
            Chart(
                "Settled",
                {BY_GROUP: rate("eda_settled_messages_total", GROUPS, (SERVICE, GROUP, DESTINATION))},
                "mps",
                about="Messages that were acknowledged or rejected singly.",
            ),
            Chart(
                "Waiting in the queue",
                {BY_DESTINATION: now("max", "eda_queue_depth", CHOSEN, (SERVICE, DESTINATION))},
                about="Messages in a RabbitMQ queue, as the broker reported within the last five minutes.",
            ),
            Chart(
                "Commits",
                {
                    f"{BY_GROUP}, automatic: {{{{eda_commit_automatic}}}}": rate(
                        "eda_commits_total", GROUPS, (SERVICE, GROUP, DESTINATION, "eda_commit_automatic")
                    )
                },
                "ops",
            ),
        ],
    },
)
HANDLERS = Page(
    "handlers",
    "Handlers",
    "The application's own code: how often it is called, how long it takes, and how it fails.",
    {**SERVICES, "event": f"label_values({HANDLING}_count{{{CHOSEN}}}, {EVENT})"},
    {
        "Events in the process": [
            Chart(
                "Calls",
                {BY_HANDLER: rate(f"{HANDLING}_count", f'{CHOSEN},{EVENT}=~"$event"', CALL)},
                "ops",
                (HANDLER, EVENT),
            ),
            Chart(
                "Duration, 95 %",
                {BY_HANDLER: quantile(0.95, HANDLING, f'{CHOSEN},{EVENT}=~"$event"', CALL)},
                "s",
                (HANDLER, EVENT),
                exemplars=True,
            ),
            Chart(
                "Share that fails",
                {BY_HANDLER: share(HANDLING, f'{CHOSEN},{EVENT}=~"$event"', CALL)},
                "percentunit",
                (HANDLER, EVENT),
                "error=true",
            ),
            Chart(
                "Failures by kind",
                {
                    "{{error_type}}": rate(
                        f"{HANDLING}_count", f'{CHOSEN},{EVENT}=~"$event",{ERROR}!=""', (SERVICE, ERROR)
                    )
                },
                "ops",
                (ERROR,),
                "error=true",
            ),
            Chart(
                "Without a handler",
                {
                    "{{job}}: {{eda_event_type}}": rate(
                        "eda_unhandled_events_total", f'{CHOSEN},{EVENT}=~"$event"', (SERVICE, EVENT)
                    )
                },
                "ops",
                (),
            ),
        ],
        "Messages": [
            Chart("Processing, 95 %", {BY_DESTINATION: quantile(0.95, PROCESS)}, "s", exemplars=True),
            Chart(
                "Failures by kind",
                {"{{job}}: {{error_type}}": rate(f"{PROCESS}_count", f'{CHOSEN},{ERROR}!=""', (SERVICE, ERROR))},
                "ops",
                (ERROR,),
                "error=true",
            ),
        ],
    },
)
INTEGRITY = Page(
    "integrity",
    "Integrity",
    "Messages that were skipped, duplicated, out of order or lost. Counts of ten minutes.",
    CONSUMERS,
    {
        "Lost, or nearly": [
            Chart(
                "Skipped",
                {BY_GROUP: recent("skipped_messages")},
                tags=(DESTINATION,),
                only="eda.message.skipped=true",
                about="A commit has passed them, and no attempt succeeded.",
            ),
            Chart(
                "Missed",
                {BY_DESTINATION: missed()},
                about="ZeroMQ messages that have not arrived, although later ones have.",
            ),
            Chart(
                "Recovered",
                {BY_GROUP: recent("recovered_messages")},
                about="Skipped, and processed successfully later.",
            ),
            Chart(
                "Set aside",
                {BY_DESTINATION: sums("eda:set_aside_messages:10m")},
                about="Messages sent to a dead-letter destination, delivered from one, or rejected for good.",
            ),
            Chart(
                "Failed sends",
                {
                    "{{job}}: {{messaging_destination_name}} {{error_type}}": rate(
                        "messaging_client_sent_messages_total", f'{CHOSEN},{ERROR}!=""', (SERVICE, DESTINATION, ERROR)
                    )
                },
                "mps",
                (DESTINATION, ERROR),
            ),
            Chart(
                "Never answered",
                {BY_DESTINATION: f"{sums('eda:unanswered_sends:10m')} or {SENDERS}"},
                about="Sends whose client or process ended before the broker answered.",
            ),
            Chart(
                "Returned",
                {BY_DESTINATION: sums("eda:returned_messages:10m")},
                about="Messages that the broker could not route.",
            ),
            Chart(
                "Not yet acknowledged", {"{{job}}": f"sum by ({SERVICE}) (eda_producer_in_flight{{{CHOSEN}}})"}, tags=()
            ),
        ],
        "Twice, or in disorder": [
            Chart(
                "Processed again after success",
                {BY_GROUP: recent("reprocessed_messages")},
                only="eda.message.reprocessed=true",
            ),
            Chart("Delivered again", {BY_GROUP: recent("redelivered_messages")}, only="eda.message.redelivered=true"),
            Chart(
                "Sent for another attempt",
                {BY_DESTINATION: sums("eda:retried_messages:10m")},
            ),
            Chart(
                "Out of order within a key",
                {BY_GROUP: recent("out_of_order_messages")},
                only="eda.message.out_of_order=true",
            ),
            Chart("Commits that went back", {BY_GROUP: recent("commit_regressions")}, only="eda.commit.regressed=true"),
        ],
    },
)
COLLECTOR = 'job="collector"'


def _collected(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}{{{COLLECTOR}}}[$__rate_interval]))"


HEALTH = Page(
    "telemetry",
    "Telemetry health",
    "Whether the other dashboards show everything.",
    SERVICES,
    {
        "In the services": [
            Chart(
                "Spans that leave",
                {"{{job}}": rate("otel_sdk_processor_span_processed_total", f'{CHOSEN},{ERROR}=""', (SERVICE,))},
                "ops",
                (),
            ),
            Chart(
                "Spans that are dropped",
                {"{{job}}: {{error_type}}": troubles("eda:dropped_spans:10m", ERROR)},
                tags=(),
                about="In ten minutes. The queue was full, or the exporter failed.",
            ),
            Chart(
                "Spans in the queue",
                {"{{job}}": f"max by ({SERVICE}) (otel_sdk_processor_span_queue_size{{{CHOSEN}}})"},
                tags=(),
            ),
            Chart(
                "otel-eda's own failures",
                {"{{job}}: {{eda_step}}": troubles("eda:telemetry_failures:10m", "eda_step")},
                tags=(),
                about="In ten minutes. None of them reaches the application.",
            ),
            Chart(
                "Export, 95 %",
                {
                    "{{job}} {{otel_component_type}}": quantile(
                        0.95, "otel_sdk_exporter_operation_duration_seconds", by=(SERVICE, "otel_component_type")
                    )
                },
                "s",
                (),
            ),
            Chart(
                "Series beyond the limit",
                {"{{job}}": f"{OVERFLOWN} or 0 * sum by ({SERVICE}) (target_info{{{CHOSEN}}})"},
                tags=(),
                about="Metrics with more than 2000 sets of attributes.",
            ),
        ],
        "In the collector": [
            Chart(
                "Taken",
                {
                    "spans": _collected("otelcol_receiver_accepted_spans_total", "job"),
                    "metric points": _collected("otelcol_receiver_accepted_metric_points_total", "job"),
                },
                "ops",
                (),
            ),
            Chart(
                "Refused",
                {
                    "spans": _collected("otelcol_receiver_refused_spans_total", "job"),
                    "metric points": _collected("otelcol_receiver_refused_metric_points_total", "job"),
                },
                "ops",
                (),
            ),
            Chart(
                "Passed on", {"{{exporter}}": _collected("otelcol_exporter_sent_spans_total", "exporter")}, "ops", ()
            ),
            Chart(
                "Failed to pass on",
                {"{{exporter}}": _collected("otelcol_exporter_send_failed_spans_total", "exporter")},
                "ops",
                (),
            ),
            Chart(
                "Waiting to be passed on",
                {"{{exporter}}": f"max by (exporter) (otelcol_exporter_queue_size{{{COLLECTOR}}})"},
                tags=(),
            ),
            Chart("Memory", {"collector": f"otelcol_process_memory_rss_bytes{{{COLLECTOR}}}"}, "bytes", ()),
        ],
        "In Prometheus": [
            Chart("Can be scraped", {"{{job}}": "up"}, tags=()),
            Chart("Series", {"{{job}}": "scrape_samples_scraped"}, tags=()),
        ],
    },
)
PAGES = (FLOW, GROUPED, HANDLERS, INTEGRITY, HEALTH)


def main() -> None:
    """Write every dashboard."""
    for page in PAGES:
        (FOLDER / f"{page.uid}.json").write_text(page.build(), encoding="utf-8")


if __name__ == "__main__":
    main()
