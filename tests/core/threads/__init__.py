"""What threads share stays whole, however they take turns."""
