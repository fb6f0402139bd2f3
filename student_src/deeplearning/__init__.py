"""Building blocks for fully connected networks in NumPy."""
