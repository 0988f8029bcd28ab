"""Producers and consumers: what is known of each, and what its operations need made only once."""
