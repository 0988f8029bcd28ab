"""Unit tests of the runtime: failures of ours, contexts, operations, tasks, state."""
