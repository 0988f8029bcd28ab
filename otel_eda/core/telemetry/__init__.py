"""The destinations of spans, metrics and events."""
