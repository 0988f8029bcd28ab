"""The operation *process*: a span around code that no call of ours surrounds."""
