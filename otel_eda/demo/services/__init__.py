"""Three services of a small shop, as anyone might have written them: nothing in here knows about telemetry."""
