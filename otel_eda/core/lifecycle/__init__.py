"""The life of a client, from its construction to the end of the process."""
