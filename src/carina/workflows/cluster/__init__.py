"""Work that `--workers` spreads over processes and machines."""
