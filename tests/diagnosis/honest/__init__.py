"""Programs in which nothing is wrong, or not what it looks like: no telemetry of theirs may be taken for a proof."""
