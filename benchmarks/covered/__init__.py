"""How often 95 % intervals hold the true value: simulated studies, numbers and candidates."""
