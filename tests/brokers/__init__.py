"""The real parts the tests run against: Apache Kafka and Jaeger, on free ports of this machine's loopback."""
