"""The real parts the tests run against: Apache Kafka, RabbitMQ and Jaeger, on free ports of this machine's loopback."""
