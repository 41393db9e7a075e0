"""Reporting checklists: what each item asks for, and what a run can say to it."""
