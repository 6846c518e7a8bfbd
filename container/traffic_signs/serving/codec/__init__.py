"""Request bytes -> arrays, probabilities -> response bytes."""
