"""Beside the official instrumentation of the same library: one set of spans, whoever makes it."""
