"""What goes wrong around an application: it behaves as without us, and no span is lost without a word."""
