"""Where spans, metrics and events go."""
