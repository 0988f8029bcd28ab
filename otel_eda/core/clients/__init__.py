"""Producers and consumers: what is known of each, and all that is made once for its operations."""
