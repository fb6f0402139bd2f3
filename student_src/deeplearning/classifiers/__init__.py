"""Networks put together from the layers."""
