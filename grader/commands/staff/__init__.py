"""Staff's commands."""
