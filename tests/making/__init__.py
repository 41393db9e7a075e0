"""Factories of small real objects for the tests."""
