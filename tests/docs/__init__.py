"""The documentation: its links, tables, commands and programs."""
