"""The programs, one kind in each file."""
