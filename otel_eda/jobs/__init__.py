"""Programs for schedulers that start a file, not a command; a folder of its own, which is all they put on the path."""
