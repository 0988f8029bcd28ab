"""One file for each library: where it meets messages, and how to read one."""
