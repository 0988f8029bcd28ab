"""Unit tests of events that are dispatched within the process."""
