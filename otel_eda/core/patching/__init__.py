"""Functions of a library replaced by ours, and the very originals put back."""
