"""Events that are dispatched within the process: emitters, registries, handlers."""
