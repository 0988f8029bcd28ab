"""What one library only has."""
