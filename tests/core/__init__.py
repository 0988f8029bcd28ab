"""Unit tests of the core: no broker, no client library."""
