"""Frameworks above the clients."""
