"""The tables that diagnosis works on, column by column: the one place that says what each is read from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: SQL type, what it means, and the attributes it is read from, the first that is there."""

    name: str
    type: str
    about: str
    attributes: tuple[str, ...] = ()


SERVICE = Column("service", "VARCHAR", "the service, empty if the resource names none", ("service.name",))
HOST = Column("host", "VARCHAR", "the machine, as far as known", ("host.id", "host.name", "k8s.node.name"))
INSTANCE = Column(
    "instance",
    "VARCHAR",
    "the process: the resource's instance id, else host and process id, else the service",
    ("service.instance.id", "k8s.pod.uid", "container.id"),
)
PROCESS = Column("process", "VARCHAR", "the process id", ("process.pid",))
RESOURCE = (SERVICE, HOST, INSTANCE, PROCESS)

# What a messaging span says. Older names and those of other instrumentations follow the present one.
SYSTEM = Column("system", "VARCHAR", "`kafka`, `rabbitmq`, …; none: no messaging operation", ("messaging.system",))
TYPE = Column(
    "type",
    "VARCHAR",
    "`send`, `receive`, `process`, `settle`, `create`; `handle` for an event's handler; none for any other span",
    ("messaging.operation.type", "messaging.operation"),
)
OPERATION = Column(
    "operation", "VARCHAR", "the library's verb: `send`, `poll`, …", ("messaging.operation.name", "messaging.operation")
)
DESTINATION = Column(
    "destination",
    "VARCHAR",
    "topic, queue, or exchange with routing key",
    ("messaging.destination.name", "messaging.destination", "messaging.source.name", "messaging.source"),
)
GROUP = Column(
    "consumer_group",
    "VARCHAR",
    "the consumers that share the messages",
    (
        "messaging.consumer.group.name",
        "messaging.kafka.consumer.group",
        "messaging.kafka.consumer_group",
        "messaging.consumer_group",
        "messaging.consumer_id",
    ),
)
PARTITION = Column(
    "partition_id",
    "VARCHAR",
    "the partition",
    (
        "messaging.destination.partition.id",
        "messaging.kafka.destination.partition",
        "messaging.kafka.source.partition",
        "messaging.kafka.partition",
    ),
)
OFFSET = Column(
    "message_offset",
    "BIGINT",
    "the message's place in its partition; of a send once acknowledged",
    ("messaging.kafka.offset", "messaging.kafka.message.offset"),
)
CLIENT = Column(
    "client_id",
    "VARCHAR",
    "the client's name",
    ("messaging.client.id", "messaging.client_id", "messaging.kafka.client_id"),
)
ADDRESS = Column(
    "address", "VARCHAR", "the broker's address", ("server.address", "net.peer.name", "net.peer.ip", "messaging.url")
)
PORT = Column("port", "BIGINT", "the broker's port", ("server.port", "net.peer.port"))
MESSAGE_ID = Column("message_id", "VARCHAR", "the message's own id", ("messaging.message.id", "messaging.message_id"))
SENDER = Column("sender", "VARCHAR", "which of the sender's sockets counts `sequence`", ("eda.sender.id",))
KEY = Column(
    "key_hash",
    "VARCHAR",
    "a hash of the message's key, if captured",
    ("eda.message.key.hash", "messaging.kafka.message.key"),
)
SEQUENCE = Column("sequence", "BIGINT", "the sender's running number of the message", ("eda.sender.sequence",))
BATCH = Column("batch", "BIGINT", "messages in the batch", ("messaging.batch.message_count",))
DELIVERIES = Column(
    "deliveries", "BIGINT", "attempts before this one, as the broker counts them", ("eda.message.delivery_count",)
)
REDELIVERED = Column(
    "redelivered", "BOOLEAN", "the broker says it is not the first delivery", ("eda.message.redelivered",)
)
REPROCESSED = Column(
    "reprocessed", "BOOLEAN", "its process had handled it with success before", ("eda.message.reprocessed",)
)
MISORDERED = Column(
    "misordered", "BOOLEAN", "its process had begun with a later one of its key", ("eda.message.out_of_order",)
)
SKIPPED = Column(
    "skipped", "BOOLEAN", "true: failed, and committed past; false: done after that", ("eda.message.skipped",)
)
DEATHS = Column("deaths", "BIGINT", "how often the broker dead-lettered it", ("eda.message.death_count",))
DEATH_REASON = Column("death_reason", "VARCHAR", "why the broker dead-lettered it last", ("eda.message.death_reason",))
REGRESSED = Column("regressed", "BOOLEAN", "of a commit: it went back", ("eda.commit.regressed",))
COMMITTED = Column("committed", "BIGINT", "of a commit: the next offset to be read", ("eda.commit.offset",))
NEXT = Column(
    "partition_next", "BIGINT", "of a position: the offset that the consumer is handed next", ("eda.partition.next",)
)
START = Column("partition_start", "BIGINT", "of a position: where the log begins", ("eda.partition.start",))
END = Column("partition_end", "BIGINT", "of a position: the offset that is written next", ("eda.partition.end",))
MESSAGE_TIME = Column("message_time", "BIGINT", "the message's timestamp, milliseconds", ("eda.message.timestamp",))
WAITED = Column("waited", "DOUBLE", "seconds of its span in which it waited for a worker", ("eda.process.wait",))
ABANDONED = Column("abandoned", "BOOLEAN", "the code neither came to its end nor raised", ("eda.process.abandoned",))
EVENT_TYPE = Column("event_type", "VARCHAR", "the event's type, in the process", ("eda.event.type",))
FUNCTION = Column("function", "VARCHAR", "the handler", ("code.function.name", "code.function"))
ERROR = Column("error", "VARCHAR", "why it failed: `error.type`", ("error.type", "exception.type"))
AUTOMATIC = Column("automatic", "BOOLEAN", "whether the commit was not called for", ("eda.commit.automatic",))
SAMPLING = Column("sampling", "VARCHAR", "of counted spans: whether they were sampled", ("otel.span.sampling_result",))
MESSAGING = (
    SYSTEM, TYPE, OPERATION, DESTINATION, GROUP, PARTITION, OFFSET, CLIENT, ADDRESS, PORT, MESSAGE_ID, KEY, SENDER,
    SEQUENCE, BATCH, DELIVERIES, REDELIVERED, REPROCESSED, MISORDERED, SKIPPED, DEATHS,
    DEATH_REASON, COMMITTED, REGRESSED, MESSAGE_TIME, ABANDONED, WAITED, EVENT_TYPE, FUNCTION, ERROR,
)  # fmt: skip
MEASURED = (SYSTEM, TYPE, OPERATION, DESTINATION, GROUP, PARTITION, EVENT_TYPE, FUNCTION, ERROR, AUTOMATIC, SAMPLING)
# What tells one series of a metric from another.
SERIES = ("service", "instance", "host", "scope", "name", *(column.name for column in MEASURED))
NOTED = (
    SYSTEM, DESTINATION, GROUP, PARTITION, OFFSET, CLIENT, MESSAGE_ID, SEQUENCE, COMMITTED, NEXT, START, END,
    EVENT_TYPE, FUNCTION, ERROR,
)  # fmt: skip


def _made(name: str, type_: str, about: str) -> Column:
    return Column(name, type_, about)


OPERATIONS = (
    _made("trace_id", "VARCHAR", "the span's trace, 32 lower-case hex digits"),
    _made("span_id", "VARCHAR", "the span, 16 lower-case hex digits"),
    _made("parent_id", "VARCHAR", "its parent"),
    SERVICE, INSTANCE, HOST,
    _made("scope", "VARCHAR", "which instrumentation made the span"),
    _made("name", "VARCHAR", "the span's name"),
    _made("kind", "VARCHAR", "`PRODUCER`, `CONSUMER`, `CLIENT`, `SERVER`, `INTERNAL`, `UNSPECIFIED`"),
    _made("started", "BIGINT", "nanoseconds since 1970"),
    _made("ended", "BIGINT", "nanoseconds since 1970"),
    SYSTEM, TYPE, OPERATION, DESTINATION, GROUP, PARTITION, OFFSET,
    _made("origin_trace", "VARCHAR", "creation id: the trace of the span that created the message"),
    _made("origin_span", "VARCHAR", "creation id: the span that created the message"),
    _made("linked", "BOOLEAN", "the creation id is a link's; else it is the parent, or of a send the span itself"),
    MESSAGE_ID, KEY, SENDER, SEQUENCE, CLIENT,
    _made("server", "VARCHAR", "the broker's address and port"),
    _made("outcome", "VARCHAR", "`ok`, `error`, `abandoned`, or of a send `unresolved`"),
    ERROR,
    _made("error_text", "VARCHAR", "what the status or the exception says"),
    DELIVERIES, REDELIVERED, REPROCESSED, MISORDERED, SKIPPED, DEATHS, DEATH_REASON, BATCH, COMMITTED, REGRESSED,
    _made("message_time", "BIGINT", "the message's timestamp, nanoseconds since 1970"),
    WAITED, EVENT_TYPE, FUNCTION,
)  # fmt: skip
METRICS = (
    SERVICE, INSTANCE, HOST,
    _made("scope", "VARCHAR", "which instrumentation measured"),
    _made("name", "VARCHAR", "the metric's name"),
    _made("started", "BIGINT", "since when it counts, nanoseconds since 1970"),
    _made("time", "BIGINT", "when it was read, nanoseconds since 1970"),
    _made("delta", "BOOLEAN", "it counts from one reading to the next only"),
    _made("rising", "BOOLEAN", "it counts what happened, so it falls only where a process begins anew"),
    _made("value", "DOUBLE", "the number, or a histogram's sum"),
    _made("number", "BIGINT", "of a histogram: how many were measured"),
    *MEASURED,
)  # fmt: skip
EVENTS = (
    SERVICE, INSTANCE, HOST,
    _made("name", "VARCHAR", "the event's name"),
    _made("time", "BIGINT", "nanoseconds since 1970"),
    _made("trace_id", "VARCHAR", "the trace it belongs to"),
    _made("span_id", "VARCHAR", "the span it is on, or that was current"),
    *NOTED,
)  # fmt: skip
TABLES = {"operations": OPERATIONS, "metrics": METRICS, "events": EVENTS}
