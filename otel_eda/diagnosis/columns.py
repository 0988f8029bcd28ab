"""The tables that diagnosis works on, column by column: the one place that says what each is read from."""

from __future__ import annotations

from dataclasses import dataclass

from otel_eda import semconv

from . import external


@dataclass(frozen=True)
class Column:
    """One column: its SQL type, its meaning, and the attributes it is read from; the first that is there counts."""

    name: str
    type: str
    about: str
    attributes: tuple[str, ...] = ()


def _read(name: str, type_: str, about: str, *attributes: str) -> Column:
    """Return a column that is read from attributes: by today's names first, then by older ones."""
    older = (old for attribute in attributes for old in external.OLDER.get(attribute, ()))
    return Column(name, type_, about, (*attributes, *older))


def _computed(name: str, type_: str, about: str) -> Column:
    """Return a column that is computed from a span, a metric or an event as such."""
    return Column(name, type_, about)


SERVICE = _read("service", "VARCHAR", "the service; empty if the resource names none", external.SERVICE_NAME)
HOST = _read("host", "VARCHAR", "the machine, if it is known", external.HOST_ID, external.NODE_NAME, external.HOST_NAME)
INSTANCE = _read(
    "instance",
    "VARCHAR",
    "the process: the resource's instance id, else host and process id, else the service",
    external.SERVICE_INSTANCE,
    external.POD_UID,
    external.CONTAINER_ID,
)
PROCESS = _read("process", "VARCHAR", "the process id", external.PROCESS_ID)
ENVIRONMENT = _read("environment", "VARCHAR", "", external.ENVIRONMENT, external.OLD_ENVIRONMENT)
CLUSTER = _read("cluster", "VARCHAR", "", external.KUBERNETES_CLUSTER)
REGION = _read("region", "VARCHAR", "", external.REGION)
REALM = _computed(
    "realm", "VARCHAR", "where it runs: the environment, Kubernetes cluster and region; NULL if none is named"
)
# A name without a dot is resolved within a Kubernetes namespace, and `localhost` is another one in each container.
NAMESPACE = _read("namespace", "VARCHAR", "", external.NAMESPACE)
LOOPBACK = _read("loopback", "VARCHAR", "", external.POD_UID, external.CONTAINER_ID, external.HOST_NAME)
RESOURCE = (SERVICE, HOST, INSTANCE, PROCESS, ENVIRONMENT, CLUSTER, REGION, NAMESPACE, LOOPBACK)

SYSTEM = _read(
    "system", "VARCHAR", "`kafka`, `rabbitmq`, …; NULL for a span that is no messaging operation", semconv.SYSTEM
)
TYPE = _read(
    "type",
    "VARCHAR",
    "`send`, `receive`, `process`, `settle`, `create`; `handle` for a handler of an event; NULL for any other span",
    semconv.OPERATION_TYPE,
)
OPERATION = _read("operation", "VARCHAR", "the library's verb: `send`, `poll`, …", semconv.OPERATION)
DESTINATION = _read(
    "destination",
    "VARCHAR",
    "topic, queue, or exchange with routing key; the template of a name that is made up at each start",
    semconv.TEMPLATE,
    semconv.DESTINATION,
)
REAL_NAME = _read(
    "real_name", "VARCHAR", "the destination's own name, where `destination` is a template", semconv.DESTINATION
)
GROUP = _read(
    "consumer_group", "VARCHAR", "the consumers that share the messages", semconv.GROUP, external.SUBSCRIPTION
)
PARTITION = _read("partition_id", "VARCHAR", "the partition", semconv.PARTITION)
OFFSET = _read(
    "message_offset",
    "BIGINT",
    "the message's offset in its partition; a send has one once it is acknowledged",
    semconv.OFFSET,
)
CLIENT = _read("client_id", "VARCHAR", "the client's name", semconv.CLIENT_ID)
ADDRESS = _read("address", "VARCHAR", "the broker's address", semconv.SERVER_ADDRESS)
PORT = _read("port", "BIGINT", "the broker's port", semconv.SERVER_PORT)
MESSAGE_ID = _read("message_id", "VARCHAR", "the message's own id", semconv.MESSAGE_ID)
CORRELATION = _read("correlation_id", "VARCHAR", "what joins a question and its answer", semconv.CONVERSATION)
SENDER = _read("sender", "VARCHAR", "the sender's socket that counts `sequence`", semconv.SENDER)
KEY = _read(
    "key_hash", "VARCHAR", "a hash of the message's key, if keys are captured", semconv.KEY_HASH, semconv.MESSAGE_KEY
)
SEQUENCE = _read("sequence", "BIGINT", "the number that the sender gave the message", semconv.SEQUENCE)
BATCH = _read("batch", "BIGINT", "the number of messages in the batch", semconv.BATCH_COUNT)
DELIVERIES = _read("deliveries", "BIGINT", "earlier attempts, as the broker counts them", semconv.DELIVERIES)
REDELIVERED = _read(
    "redelivered", "BOOLEAN", "the broker says that it delivered the message before", semconv.REDELIVERED
)
REPROCESSED = _read(
    "reprocessed", "BOOLEAN", "the same process had handled the message successfully before", semconv.REPROCESSED
)
MISORDERED = _read(
    "misordered", "BOOLEAN", "the same process had begun with a later message of the key", semconv.MISORDERED
)
SKIPPED = _read(
    "skipped",
    "BOOLEAN",
    "true: the message failed and was committed past; false: a later attempt succeeded",
    semconv.LOST,
)
DEATHS = _read("deaths", "BIGINT", "how often the broker dead-lettered the message", semconv.DEATHS)
DEATH_REASON = _read("death_reason", "VARCHAR", "why the broker dead-lettered it the last time", semconv.DEATH_REASON)
REGRESSED = _read(
    "regressed", "BOOLEAN", "a commit: its offset is lower than one committed before", semconv.COMMIT_REGRESSED
)
COMMITTED = _read("committed", "BIGINT", "a commit: the next offset to be read", semconv.COMMITTED)
NEXT = _read("partition_next", "BIGINT", "a position: the offset that the consumer gets next", semconv.NEXT)
START = _read("partition_start", "BIGINT", "a position: the first offset of the log", semconv.START)
END = _read("partition_end", "BIGINT", "a position: the offset that is written next", semconv.END)
MESSAGE_TIME = _read("message_time", "BIGINT", "the message's timestamp, in milliseconds", semconv.MESSAGE_TIMESTAMP)
MANUAL = _read(
    "continued",
    "BOOLEAN",
    "the application began this span itself, and another span shows the delivery of the same message",
    semconv.MANUAL,
)
AUTO_ACK = _read("auto_ack", "BOOLEAN", "the broker took the message for done when it sent it", semconv.AUTO_ACK)
REQUEUED = _read(
    "requeued", "BOOLEAN", "a refusal: whether the broker is to deliver the message again", semconv.REQUEUED
)
DEAD_LETTERS = _read(
    "dead_letter",
    "BOOLEAN",
    "a refusal for good: whether the queue was declared with a dead-letter exchange; NULL if that is not known",
    semconv.DEAD_LETTERS,
)
SEND_REFUSED = _read("refused", "BOOLEAN", "the client refused the call at once", semconv.SEND_REFUSED)
REPEATS = _read(
    "repeats",
    "VARCHAR",
    "a send: the refused send of the message that it repeats; else, as of a span without a message, its only link",
    semconv.REPEATS,
)
WAITED = _read("waited", "DOUBLE", "seconds of the span in which the message waited for a worker", semconv.WAITED)
ABANDONED = _read("abandoned", "BOOLEAN", "the code neither came to its end nor raised an exception", semconv.ABANDONED)
ENDED_BY = _read("ended_by", "VARCHAR", "the exception by which the code was told to end", semconv.ENDED_BY)
HANDED = _read(
    "handed",
    "BOOLEAN",
    "it ended in another thread or task, which somebody may ask for its error, or while it waited for one",
    semconv.HANDED,
)
WENT_ON = _read(
    "went_on", "BOOLEAN", "its end was not seen, and its worker asked for the next one or was over", semconv.WENT_ON
)
EVENT_TYPE = _read("event_type", "VARCHAR", "the type of an event inside the process", semconv.EVENT_TYPE)
FUNCTION = _read("function", "VARCHAR", "the handler", semconv.FUNCTION)
ERROR = _read("error", "VARCHAR", "the type of the error", semconv.ERROR_TYPE, semconv.EXCEPTION_TYPE)
LOGGER = _read("logger", "VARCHAR", "the logger of an error that was logged on a process span", semconv.LOGGER)
AUTOMATIC = _read("automatic", "BOOLEAN", "the client committed without a call of the application", semconv.AUTOMATIC)
SAMPLING = _read("sampling", "VARCHAR", "where spans are counted: whether they were sampled", external.SAMPLING_RESULT)

SPAN_COLUMNS = (
    SYSTEM, TYPE, OPERATION, DESTINATION, GROUP, PARTITION, OFFSET, CLIENT, ADDRESS, PORT, MESSAGE_ID, CORRELATION, KEY,
    SENDER, SEQUENCE, BATCH, DELIVERIES, REDELIVERED, REPROCESSED, MISORDERED, SKIPPED, DEATHS,
    DEATH_REASON, COMMITTED, REGRESSED, MESSAGE_TIME, ABANDONED, WAITED, EVENT_TYPE, FUNCTION, ERROR,
    MANUAL, REQUEUED, DEAD_LETTERS, SEND_REFUSED, REPEATS, ENDED_BY, HANDED, WENT_ON, AUTO_ACK, REAL_NAME,
)  # fmt: skip
METRIC_COLUMNS = (
    SYSTEM, TYPE, OPERATION, DESTINATION, GROUP, PARTITION, EVENT_TYPE, FUNCTION, ERROR, AUTOMATIC, SAMPLING,
)  # fmt: skip
EVENT_COLUMNS = (
    SYSTEM, DESTINATION, GROUP, PARTITION, OFFSET, CLIENT, MESSAGE_ID, SEQUENCE, COMMITTED, NEXT, START, END,
    EVENT_TYPE, FUNCTION, ERROR, LOGGER,
)  # fmt: skip
# What tells one series of a metric from another.
SERIES = ("service", "instance", "host", "scope", "name", *(column.name for column in METRIC_COLUMNS))

OPERATIONS = (
    _computed("trace_id", "VARCHAR", "the span's trace, 32 lower-case hex digits"),
    _computed("span_id", "VARCHAR", "the span, 16 lower-case hex digits"),
    _computed("parent_id", "VARCHAR", "the span's parent"),
    SERVICE, INSTANCE, HOST,
    _computed("scope", "VARCHAR", "the instrumentation that made the span"),
    _computed("name", "VARCHAR", "the span's name"),
    _computed("kind", "VARCHAR", "`PRODUCER`, `CONSUMER`, `CLIENT`, `SERVER`, `INTERNAL`, `UNSPECIFIED`"),
    _computed("started", "BIGINT", "nanoseconds since 1970"),
    _computed("ended", "BIGINT", "nanoseconds since 1970"),
    SYSTEM, TYPE, OPERATION, DESTINATION, GROUP, PARTITION, OFFSET,
    _computed("origin_trace", "VARCHAR", "creation id: the trace of the span that created the message"),
    _computed("origin_span", "VARCHAR", "creation id: the span that created the message"),
    _computed("linked", "BOOLEAN", "true: the creation id is a link's; false: the parent's, for a send the span's own"),
    MESSAGE_ID, CORRELATION, KEY, SENDER, SEQUENCE, CLIENT,
    _computed("server", "VARCHAR", "the broker's address and port, and where the address means it if not everywhere"),
    _computed("outcome", "VARCHAR", "`ok`, `error`, `abandoned` if its end was not seen; for a send also `unresolved`"),
    ERROR,
    _computed("error_text", "VARCHAR", "the text of the status or of the exception"),
    DELIVERIES, REDELIVERED, REPROCESSED, MISORDERED, SKIPPED, DEATHS, DEATH_REASON, BATCH, COMMITTED, REGRESSED,
    _computed("message_time", "BIGINT", "the message's timestamp, nanoseconds since 1970"),
    WAITED, EVENT_TYPE, FUNCTION, MANUAL, REQUEUED, DEAD_LETTERS, SEND_REFUSED, REPEATS, ENDED_BY, HANDED,
    WENT_ON, AUTO_ACK, REAL_NAME, REALM,
)  # fmt: skip
METRICS = (
    SERVICE, INSTANCE, HOST,
    _computed("scope", "VARCHAR", "the instrumentation that measured"),
    _computed("name", "VARCHAR", "the metric's name"),
    _computed("started", "BIGINT", "when counting began, nanoseconds since 1970"),
    _computed("time", "BIGINT", "when the metric was read, nanoseconds since 1970"),
    _computed("delta", "BOOLEAN", "true: a value counts from the reading before it"),
    _computed("rising", "BOOLEAN", "true: a counter, which falls only when its process starts anew"),
    _computed("value", "DOUBLE", "the number, or the sum of a histogram"),
    _computed("number", "BIGINT", "a histogram: the number of measurements"),
    *METRIC_COLUMNS, REALM,
)  # fmt: skip
EVENTS = (
    SERVICE, INSTANCE, HOST,
    _computed("name", "VARCHAR", "the event's name; `exception` for a log record of an error"),
    _computed("time", "BIGINT", "nanoseconds since 1970"),
    _computed("trace_id", "VARCHAR", "the trace that the event belongs to"),
    _computed("span_id", "VARCHAR", "the span that the event is on, or that was current"),
    *EVENT_COLUMNS, REALM,
)  # fmt: skip
TABLES = {"operations": OPERATIONS, "metrics": METRICS, "events": EVENTS}
