"""Films and a recipe -> trained weights. The loop stands in `fit`."""
