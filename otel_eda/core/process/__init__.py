"""The operation *process*: process spans around code that no wrapper surrounds."""
