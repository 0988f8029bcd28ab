"""aio-pika on a real RabbitMQ."""
