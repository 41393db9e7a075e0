"""How three programs audit the same films: Carina, cleanvision and imagededup."""
