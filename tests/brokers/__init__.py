"""The real parts the tests run against: Apache Kafka, RabbitMQ, Jaeger, the
OpenTelemetry Collector and Prometheus, on free ports of this machine's loopback."""
