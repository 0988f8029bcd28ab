"""Events that are dispatched within the process."""
