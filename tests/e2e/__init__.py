"""From an application without a change to a trace in Jaeger."""
