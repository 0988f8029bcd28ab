"""The state of each offset and of each numbered message; knows no span and no client."""
