"""Every attribute and metric name, from the messaging conventions 1.44 or, with the prefix `eda.`, our own."""

SCHEMA = "https://opentelemetry.io/schemas/1.44.0"

SYSTEM = "messaging.system"
OPERATION = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"
TEMPLATE = "messaging.destination.template"
ANONYMOUS = "messaging.destination.anonymous"
TEMPORARY = "messaging.destination.temporary"
PARTITION = "messaging.destination.partition.id"
CLIENT_ID = "messaging.client.id"
GROUP = "messaging.consumer.group.name"
BATCH_COUNT = "messaging.batch.message_count"
OFFSET = "messaging.kafka.offset"
TOMBSTONE = "messaging.kafka.message.tombstone"
MESSAGE_ID = "messaging.message.id"
CONVERSATION = "messaging.message.conversation_id"
ROUTING_KEY = "messaging.rabbitmq.destination.routing_key"
DELIVERY_TAG = "messaging.rabbitmq.message.delivery_tag"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
PEER_ADDRESS = "network.peer.address"
PEER_PORT = "network.peer.port"
CLUSTER = "messaging.kafka.cluster.id"
ERROR_TYPE = "error.type"
FUNCTION = "code.function.name"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_STACKTRACE = "exception.stacktrace"

BODY_SIZE = "messaging.message.body.size"
MESSAGE_KEY = "messaging.kafka.message.key"

EVENT_TYPE = "eda.event.type"
MESSAGE_TIMESTAMP = "eda.message.timestamp"
REDELIVERED = "eda.message.redelivered"
DELIVERIES = "eda.message.delivery_count"
DEATHS = "eda.message.death_count"
DEATH_REASON = "eda.message.death_reason"
AUTO_ACK = "eda.message.auto_ack"
REQUEUED = "eda.settle.requeue"
DEAD_LETTERS = "eda.settle.dead_letter"
SENDER = "eda.sender.id"
SEQUENCE = "eda.sender.sequence"
MISSED = "eda.sender.missed"
HEADER = "eda.message.header."
STEP = "eda.step"
KEY_HASH = "eda.message.key.hash"
REPROCESSED = "eda.message.reprocessed"
MISORDERED = "eda.message.out_of_order"
LOST = "eda.message.skipped"
COMMITTED = "eda.commit.offset"
NEXT = "eda.partition.next"
START = "eda.partition.start"
END = "eda.partition.end"
COMMIT_PART = "eda.commit.partition"
COMMIT_SKIPPED = "eda.commit.skipped"
COMMIT_REGRESSED = "eda.commit.regressed"
REFUSED = "eda.create.refused"
SEND_REFUSED = "eda.send.refused"
REPEATS = "eda.send.repeats"
ABANDONED = "eda.process.abandoned"
ENDED_BY = "eda.process.ended_by"
MANUAL = "eda.process.manual"
WAITED = "eda.process.wait"
HANDED = "eda.process.handed_over"
WENT_ON = "eda.process.went_on"
ERROR_LOGGED = "eda.process.error_logged"
NOT_QUEUED = "eda.process.not_queued"
LOGGER = "eda.logger.name"
UNRETRIEVED = "eda.process.error_unretrieved"
UNHANDLED_EVENT = "eda.event.unhandled"
ASSIGNED = "eda.consumer.assigned"
REVOKED = "eda.consumer.revoked"
POSITION = "eda.consumer.position"
AUTOMATIC = "eda.commit.automatic"

OPERATION_DURATION = "messaging.client.operation.duration"
PROCESS_DURATION = "messaging.process.duration"
SENT = "messaging.client.sent.messages"
CONSUMED = "messaging.client.consumed.messages"
QUEUE_DURATION = "eda.queue.duration"
HANDLER_DURATION = "eda.handler.duration"
UNHANDLED = "eda.unhandled.events"
COMMITS = "eda.commits"
SETTLED = "eda.settled.messages"
DEAD_LETTERED = "eda.dead_lettered.messages"
RETRIED = "eda.retried.messages"
MISSED_MESSAGES = "eda.missed.messages"
RETURNS = "eda.returned.messages"
REDELIVERED_MESSAGES = "eda.redelivered.messages"
REPROCESSED_MESSAGES = "eda.reprocessed.messages"
OUT_OF_ORDER_MESSAGES = "eda.out_of_order.messages"
SKIPPED_MESSAGES = "eda.skipped.messages"
RECOVERED_MESSAGES = "eda.recovered.messages"
REGRESSIONS = "eda.commit.regressions"
LAG = "eda.consumer.lag"
LAG_TIME = "eda.consumer.lag_time"
PARTITIONS = "eda.consumer.partition.count"
ASSIGNMENTS = "eda.consumer.assignments"
POLL_AGE = "eda.consumer.poll.age"
POLL_LIMIT = "eda.consumer.poll.limit"
UNASSIGNED = "eda.consumer.unassigned.time"
MARGIN = "eda.consumer.retention.margin"
WAITING = "eda.consumer.waiting.time"
IN_FLIGHT = "eda.consumer.in_flight"
IN_FLIGHT_AGE = "eda.consumer.in_flight_age"
MESSAGE_AGE = "eda.message.age"
PENDING = "eda.producer.in_flight"
DEPTH = "eda.queue.depth"
FAILURES = "eda.telemetry.failures"

OTHER = "_OTHER"
OVERFLOW = "otel.metric.overflow"
UNRESOLVED = "eda.unresolved"
NACKED = "eda.nacked"
RETURNED = "eda.returned"

# As many as the SDK keeps of an instrument, by default.
ATTRIBUTE_SETS = 2000
# The advice of the conventions for every duration in seconds.
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# A message may wait in a broker far longer than any call takes: up to a week.
QUEUE_BUCKETS = (
    0.001,
    0.005,
    0.01,
    0.05,
    0.1,
    0.5,
    1.0,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    900.0,
    3600.0,
    21600.0,
    86400.0,
    604800.0,
)
