"""What tests share: the telemetry a run leaves, the conventions it is held against, waiting, and things that fail."""
