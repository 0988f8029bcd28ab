"""OTLP as it is received: what is taken, what is refused, and what becomes of it."""
