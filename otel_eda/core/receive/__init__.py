"""The operation *receive*: pulls, iterations, deliveries to callbacks."""
