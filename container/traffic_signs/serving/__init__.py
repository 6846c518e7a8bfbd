"""The serving program: HTTP bytes -> pixels -> probabilities -> HTTP bytes."""
