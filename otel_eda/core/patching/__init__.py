"""Replacement of a library's functions, and their exact restoration."""
