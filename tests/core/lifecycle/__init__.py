"""Unit tests of lifecycle: construction, changes, forks, the process's end."""
