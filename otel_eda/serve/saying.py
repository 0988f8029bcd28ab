"""Tells a person at the terminal what goes on."""

import sys


def say(line: str) -> None:
    """Print a line to standard error, where nothing in it can steer the terminal."""
    printable = (letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
    print("".join(printable), file=sys.stderr, flush=True)
