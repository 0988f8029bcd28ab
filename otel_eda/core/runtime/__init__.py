"""What keeps us out of the application's way: failures, contexts, operations that are going on, tasks."""
