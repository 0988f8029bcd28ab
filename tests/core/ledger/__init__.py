"""Unit tests of the ledger: what has become of each message."""
