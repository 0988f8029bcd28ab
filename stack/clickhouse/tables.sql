-- The tables of the Collector's ClickHouse exporter 0.165, on two shards: each shard has a part of the rows in a table
-- `…_local`. A table with the exporter's own name sends rows to their shards, and reads from both. Times of metrics have
-- nanoseconds, where the exporter's own tables have whole seconds. Everything is kept for three days.
CREATE DATABASE IF NOT EXISTS otel;

CREATE TABLE IF NOT EXISTS otel.otel_traces_local
(
    Timestamp DateTime64(9) CODEC(Delta, ZSTD),
    TraceId String,
    SpanId String,
    ParentSpanId String,
    TraceState String,
    SpanName LowCardinality(String),
    SpanKind LowCardinality(String),
    ServiceName LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeName LowCardinality(String),
    ScopeVersion LowCardinality(String),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD),
    Duration UInt64,
    StatusCode LowCardinality(String),
    StatusMessage String,
    Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)),
    Links Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String)),
    INDEX by_time Timestamp TYPE minmax,
    INDEX by_trace TraceId TYPE bloom_filter(0.001)
)
ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
TTL toDateTime(Timestamp) + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1;
CREATE TABLE IF NOT EXISTS otel.otel_traces AS otel.otel_traces_local
ENGINE = Distributed('telemetry', 'otel', 'otel_traces_local', cityHash64(TraceId));

CREATE TABLE IF NOT EXISTS otel.otel_logs_local
(
    Timestamp DateTime64(9) CODEC(Delta, ZSTD),
    TraceId String,
    SpanId String,
    TraceFlags UInt8,
    SeverityText LowCardinality(String),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String),
    Body String CODEC(ZSTD),
    ResourceSchemaUrl LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeSchemaUrl LowCardinality(String),
    ScopeName String,
    ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD),
    EventName LowCardinality(String)
)
ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, toDateTime(Timestamp), Timestamp)
TTL toDateTime(Timestamp) + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1;
CREATE TABLE IF NOT EXISTS otel.otel_logs AS otel.otel_logs_local
ENGINE = Distributed('telemetry', 'otel', 'otel_logs_local', cityHash64(TraceId));

CREATE TABLE IF NOT EXISTS otel.otel_metrics_gauge_local
(
    ResourceAttributes Map(LowCardinality(String), String),
    ResourceSchemaUrl LowCardinality(String),
    ScopeName LowCardinality(String),
    ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String),
    ScopeDroppedAttrCount UInt32,
    ScopeSchemaUrl LowCardinality(String),
    ServiceName LowCardinality(String),
    MetricName LowCardinality(String),
    MetricDescription LowCardinality(String),
    MetricUnit LowCardinality(String),
    Attributes Map(LowCardinality(String), String),
    StartTimeUnix DateTime64(9) CODEC(Delta, ZSTD),
    TimeUnix DateTime64(9) CODEC(Delta, ZSTD),
    Flags UInt32,
    Value Float64,
    Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9), Value Float64, SpanId String, TraceId String)
)
ENGINE = MergeTree
PARTITION BY toDate(TimeUnix)
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL toDateTime(TimeUnix) + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1;
CREATE TABLE IF NOT EXISTS otel.otel_metrics_gauge AS otel.otel_metrics_gauge_local
ENGINE = Distributed('telemetry', 'otel', 'otel_metrics_gauge_local', cityHash64(ServiceName));

CREATE TABLE IF NOT EXISTS otel.otel_metrics_sum_local
(
    ResourceAttributes Map(LowCardinality(String), String),
    ResourceSchemaUrl LowCardinality(String),
    ScopeName LowCardinality(String),
    ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String),
    ScopeDroppedAttrCount UInt32,
    ScopeSchemaUrl LowCardinality(String),
    ServiceName LowCardinality(String),
    MetricName LowCardinality(String),
    MetricDescription LowCardinality(String),
    MetricUnit LowCardinality(String),
    Attributes Map(LowCardinality(String), String),
    StartTimeUnix DateTime64(9) CODEC(Delta, ZSTD),
    TimeUnix DateTime64(9) CODEC(Delta, ZSTD),
    Flags UInt32,
    Value Float64,
    Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9), Value Float64, SpanId String, TraceId String),
    AggregationTemporality Int32,
    IsMonotonic Boolean
)
ENGINE = MergeTree
PARTITION BY toDate(TimeUnix)
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL toDateTime(TimeUnix) + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1;
CREATE TABLE IF NOT EXISTS otel.otel_metrics_sum AS otel.otel_metrics_sum_local
ENGINE = Distributed('telemetry', 'otel', 'otel_metrics_sum_local', cityHash64(ServiceName));

CREATE TABLE IF NOT EXISTS otel.otel_metrics_histogram_local
(
    ResourceAttributes Map(LowCardinality(String), String),
    ResourceSchemaUrl LowCardinality(String),
    ScopeName LowCardinality(String),
    ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String),
    ScopeDroppedAttrCount UInt32,
    ScopeSchemaUrl LowCardinality(String),
    ServiceName LowCardinality(String),
    MetricName LowCardinality(String),
    MetricDescription LowCardinality(String),
    MetricUnit LowCardinality(String),
    Attributes Map(LowCardinality(String), String),
    StartTimeUnix DateTime64(9) CODEC(Delta, ZSTD),
    TimeUnix DateTime64(9) CODEC(Delta, ZSTD),
    Flags UInt32,
    Count UInt64,
    Sum Float64,
    BucketCounts Array(UInt64),
    ExplicitBounds Array(Float64),
    Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9), Value Float64, SpanId String, TraceId String),
    Min Float64,
    Max Float64,
    AggregationTemporality Int32
)
ENGINE = MergeTree
PARTITION BY toDate(TimeUnix)
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL toDateTime(TimeUnix) + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1;
CREATE TABLE IF NOT EXISTS otel.otel_metrics_histogram AS otel.otel_metrics_histogram_local
ENGINE = Distributed('telemetry', 'otel', 'otel_metrics_histogram_local', cityHash64(ServiceName));

CREATE TABLE IF NOT EXISTS otel.otel_metrics_exponential_histogram_local
(
    ResourceAttributes Map(LowCardinality(String), String),
    ResourceSchemaUrl LowCardinality(String),
    ScopeName LowCardinality(String),
    ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String),
    ScopeDroppedAttrCount UInt32,
    ScopeSchemaUrl LowCardinality(String),
    ServiceName LowCardinality(String),
    MetricName LowCardinality(String),
    MetricDescription LowCardinality(String),
    MetricUnit LowCardinality(String),
    Attributes Map(LowCardinality(String), String),
    StartTimeUnix DateTime64(9) CODEC(Delta, ZSTD),
    TimeUnix DateTime64(9) CODEC(Delta, ZSTD),
    Flags UInt32,
    Count UInt64,
    Sum Float64,
    Scale Int32,
    ZeroCount UInt64,
    PositiveOffset Int32,
    PositiveBucketCounts Array(UInt64),
    NegativeOffset Int32,
    NegativeBucketCounts Array(UInt64),
    Exemplars Nested (FilteredAttributes Map(LowCardinality(String), String), TimeUnix DateTime64(9), Value Float64, SpanId String, TraceId String),
    Min Float64,
    Max Float64,
    AggregationTemporality Int32
)
ENGINE = MergeTree
PARTITION BY toDate(TimeUnix)
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL toDateTime(TimeUnix) + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1;
CREATE TABLE IF NOT EXISTS otel.otel_metrics_exponential_histogram AS otel.otel_metrics_exponential_histogram_local
ENGINE = Distributed('telemetry', 'otel', 'otel_metrics_exponential_histogram_local', cityHash64(ServiceName));

CREATE TABLE IF NOT EXISTS otel.otel_metrics_summary_local
(
    ResourceAttributes Map(LowCardinality(String), String),
    ResourceSchemaUrl LowCardinality(String),
    ScopeName LowCardinality(String),
    ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String),
    ScopeDroppedAttrCount UInt32,
    ScopeSchemaUrl LowCardinality(String),
    ServiceName LowCardinality(String),
    MetricName LowCardinality(String),
    MetricDescription LowCardinality(String),
    MetricUnit LowCardinality(String),
    Attributes Map(LowCardinality(String), String),
    StartTimeUnix DateTime64(9) CODEC(Delta, ZSTD),
    TimeUnix DateTime64(9) CODEC(Delta, ZSTD),
    Flags UInt32,
    Count UInt64,
    Sum Float64,
    ValueAtQuantiles Nested (Quantile Float64, Value Float64)
)
ENGINE = MergeTree
PARTITION BY toDate(TimeUnix)
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL toDateTime(TimeUnix) + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1;
CREATE TABLE IF NOT EXISTS otel.otel_metrics_summary AS otel.otel_metrics_summary_local
ENGINE = Distributed('telemetry', 'otel', 'otel_metrics_summary_local', cityHash64(ServiceName));
