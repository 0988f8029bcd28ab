"""The libraries' own tests come out the same with and without us."""
