"""Carina."""
