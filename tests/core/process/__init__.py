"""Unit tests of process: spans around code that no call of ours surrounds."""
