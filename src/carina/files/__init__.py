"""Atomic writes, digests, tables, documents and recipes on disk."""
