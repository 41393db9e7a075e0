"""The parts of `carina reproduce`."""
