"""Tests of what the core and its libraries make together: the API, settings, instrumentors, layout, threats."""
