"""Unit tests of send: from the call to the broker's answer."""
