"""Names of telemetry that otel-eda reads and others write, each group with its source. Our own are in `semconv`."""

from __future__ import annotations

from otel_eda import semconv

# Resources: https://opentelemetry.io/docs/specs/semconv/resource/
SERVICE_NAME = "service.name"
SERVICE_INSTANCE = "service.instance.id"
HOST_ID = "host.id"
HOST_NAME = "host.name"
NODE_NAME = "k8s.node.name"
POD_UID = "k8s.pod.uid"
CONTAINER_ID = "container.id"
PROCESS_ID = "process.pid"
ENVIRONMENT = "deployment.environment.name"
OLD_ENVIRONMENT = "deployment.environment"
KUBERNETES_CLUSTER = "k8s.cluster.name"
REGION = "cloud.region"
NAMESPACE = "k8s.namespace.name"

# What a span has of its own in OTLP, and Jaeger keeps among its tags:
# https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/
SCOPE_NAME, OLDER_SCOPE_NAME = "otel.scope.name", "otel.library.name"
STATUS_CODE, STATUS_TEXT = "otel.status_code", "otel.status_description"

# What the SDK counts about itself: https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/
SPANS_STARTED = "otel.sdk.span.started"
SPANS_PROCESSED = "otel.sdk.processor.span.processed"
SPANS_EXPORTED = "otel.sdk.exporter.span.exported"
SAMPLING_RESULT = "otel.span.sampling_result"

# Celery's spans have no `messaging.system`; this attribute says that they send (`apply_async`) or process (`run`):
# https://github.com/open-telemetry/opentelemetry-python-contrib/tree/main/instrumentation/opentelemetry-instrumentation-celery
CELERY, CELERY_ACTION = "celery", "celery.action"
# Who reads a topic of Pub/Sub or of Azure Service Bus: https://opentelemetry.io/docs/specs/semconv/messaging/gcp-pubsub/
SUBSCRIPTION = "messaging.destination.subscription.name"
# Systems whose queues give each message to one reader: https://opentelemetry.io/docs/specs/semconv/registry/attributes/messaging/
# Earlier versions of the conventions called SQS `AmazonSQS`.
QUEUES = ("rabbitmq", "aws_sqs", "AmazonSQS", "servicebus", CELERY)
# How tasks, generators, threads and processes are ended from outside, in Python, Java and Kotlin, .NET and Go: an end,
# and no error of the code that it ends. A time limit is an error of it, though some of these types say that, too.
ENDED_FROM_OUTSIDE = (
    "CancelledError", "GeneratorExit", "KeyboardInterrupt", "SystemExit",
    "CancellationException", "InterruptException", "InterruptedException", "JobCancellationException",
    "WakeupException", "OperationCanceledException", "TaskCanceledException",
)  # fmt: skip
ENDED_TEXT = "(^|: )context canceled$"
TIME_LIMIT = "[Tt]imed?[ -]?[Oo]ut"
# What takes the place of the names that RabbitMQ gives to queues, here and in the Java agent's spans:
# https://github.com/open-telemetry/opentelemetry-java-instrumentation/tree/main/instrumentation/rabbitmq-2.7
GENERATED = "amq[.]gen|<generated>"

# Earlier versions of the messaging conventions, and instrumentations that follow these, by today's name:
# https://opentelemetry.io/docs/specs/semconv/registry/attributes/messaging/#deprecated-messaging-attributes,
# https://github.com/open-telemetry/semantic-conventions/blob/main/CHANGELOG.md
# Datadog's libraries have names of their own, which its exporters and the Collector's receiver leave as they are:
# https://github.com/DataDog/dd-trace-py/blob/main/ddtrace/ext/kafka.py
OLDER = {
    semconv.SYSTEM: (CELERY_ACTION,),
    semconv.OPERATION_TYPE: ("messaging.operation", CELERY_ACTION),
    semconv.OPERATION: ("messaging.operation", CELERY_ACTION),
    semconv.DESTINATION: ("messaging.destination", "messaging.source.name", "messaging.source", "kafka.topic"),
    # Today's name where it is no group of Kafka's: the subscriptions of Azure Service Bus and of Google's Pub/Sub.
    semconv.GROUP: (
        "messaging.destination.subscription.name",
        "messaging.kafka.consumer.group",
        "messaging.kafka.consumer_group",
        "messaging.consumer_group",
        "messaging.consumer_id",
        "kafka.group_id",
    ),
    semconv.PARTITION: (
        "messaging.kafka.destination.partition",
        "messaging.kafka.source.partition",
        "messaging.kafka.partition",
        "kafka.partition",
    ),
    semconv.OFFSET: ("messaging.kafka.message.offset", "kafka.message_offset"),
    semconv.CLIENT_ID: ("messaging.client_id", "messaging.kafka.client_id"),
    semconv.SERVER_ADDRESS: ("net.peer.name", "net.peer.ip", "messaging.url", "messaging.kafka.bootstrap.servers"),
    semconv.SERVER_PORT: ("net.peer.port",),
    semconv.MESSAGE_ID: ("messaging.message_id", "celery.id"),
    semconv.CONVERSATION: ("messaging.conversation_id", "celery.correlation_id"),
    semconv.MESSAGE_KEY: ("messaging.kafka.message_key", "kafka.message_key"),
    semconv.FUNCTION: ("code.function",),
}

# Our own metrics, by the names that they had before the conventions were followed to the letter.
OLDER_METRICS = {
    "eda.events.unhandled": semconv.UNHANDLED,
    "eda.consumer.in_flight.age": semconv.IN_FLIGHT_AGE,
    "eda.consumer.lag.time": semconv.LAG_TIME,
    "eda.consumer.partitions": semconv.PARTITIONS,
}
