"""What only pika has."""
