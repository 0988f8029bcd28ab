"""The stack that shows telemetry and warns: the files that `otel-eda stack` writes.

They are the repository's own, at the places that it has them, so they run there as they are. A wheel carries them in
the folder `files`, as pyproject.toml says.
"""
