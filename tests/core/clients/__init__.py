"""Unit tests of clients: what is known of producers and consumers."""
