"""Runs in which something goes wrong."""
