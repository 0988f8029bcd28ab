"""Unit tests of receive: pulls, iterations, deliveries."""
