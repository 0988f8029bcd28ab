"""Unit tests of propagation: context in and out of headers."""
