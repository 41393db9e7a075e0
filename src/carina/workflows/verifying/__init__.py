"""The parts of `carina verify`."""
