"""Unit tests of patching: a library's functions replaced, and put back."""
