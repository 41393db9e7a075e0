"""Answers in the formats of hospitals: one file for each."""
