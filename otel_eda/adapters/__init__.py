"""One adapter for each library: where the library handles messages, and how to read one."""
