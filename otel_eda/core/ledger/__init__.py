"""What has become of each offset and each numbered message; knows no span and no client."""
