"""What is said of telemetry while it comes."""
