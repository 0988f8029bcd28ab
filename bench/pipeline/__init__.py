"""What a message costs its user: client, instrumentation, SDK, and export to a server that counts what arrives."""
