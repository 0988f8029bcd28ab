"""Headers that no application should send, on every transport: nothing of ours may fail, nothing of theirs be lost."""
