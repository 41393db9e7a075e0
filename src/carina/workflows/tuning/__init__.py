"""The parts of `carina tune`."""
