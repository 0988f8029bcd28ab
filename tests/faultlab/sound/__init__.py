"""Runs without a fault in them, though they look as if."""
