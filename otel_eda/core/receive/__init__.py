"""The operation *receive*: pulls, iterations, deliveries."""
