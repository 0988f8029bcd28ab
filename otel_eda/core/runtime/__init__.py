"""What all of the core stands on: failures, contexts, operations in progress, tasks, state of the process."""
