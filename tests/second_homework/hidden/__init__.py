"""What students do not get."""
