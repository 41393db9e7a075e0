"""Hostile films on their way: through the worker, over HTTP, on the command line."""
