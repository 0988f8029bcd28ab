"""The operation *send*: a span from the call to the broker's answer."""
