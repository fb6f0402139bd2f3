"""Pictures of weights and images."""

import numpy as np


def visualize_grid(Xs, ubound=255.0, padding=1):
    """Lay images out in a square grid, each scaled to 0 ... ubound.

    Input: Xs (N, H, W, C). Returns: array (side, side', C).
    """
    n, height, width, channels = Xs.shape
    size = int(np.ceil(np.sqrt(n)))
    grid = np.zeros((size * (height + padding) - padding, size * (width + padding) - padding, channels))
    for at, image in enumerate(Xs):
        row, column = divmod(at, size)
        low, high = image.min(), image.max()
        scaled = ubound * (image - low) / max(high - low, 1e-12)
        top, left = row * (height + padding), column * (width + padding)
        grid[top : top + height, left : left + width] = scaled
    return grid
