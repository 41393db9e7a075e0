"""Networks, their start weights, their export. The only room besides training that knows torch."""
