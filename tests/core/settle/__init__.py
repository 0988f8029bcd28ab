"""Unit tests of settle: commits and acknowledgements."""
