"""What is deployed: a classifier's folder, its answers and its explanations. No torch."""
