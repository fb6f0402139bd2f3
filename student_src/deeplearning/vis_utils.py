"""Pictures of weights and images."""

from math import ceil, sqrt

import numpy as np


def visualize_grid(Xs, ubound=255.0, padding=1):
    """Lay images out in a square grid, each scaled to 0 ... ubound.

    Input: Xs (N, H, W, C). Returns: array (side, side', C).
    """
    n, height, width, channels = Xs.shape
    size = ceil(sqrt(n))
    grid = np.zeros((size * (height + padding) - padding, size * (width + padding) - padding, channels))
    for at, image in enumerate(Xs):
        row, column = divmod(at, size)
        low, high = image.min(), image.max()
        scaled = ubound * (image - low) / max(high - low, 1e-12)
        top, left = row * (height + padding), column * (width + padding)
        grid[top : top + height, left : left + width] = scaled
    return grid


def vis_grid(Xs):
    """Images Xs (N, H, W, C) in a square grid on a background of their smallest value, all scaled together to 0 ... 1."""
    n, height, width, channels = Xs.shape
    size = ceil(sqrt(n))
    grid = np.full((size * (height + 1) + 1, size * (width + 1) + 1, channels), np.min(Xs), dtype=np.float64)
    for at, image in enumerate(Xs):
        row, column = divmod(at, size)
        grid[row * (height + 1) + 1 : (row + 1) * (height + 1), column * (width + 1) + 1 : (column + 1) * (width + 1)] = image
    return _unit(grid)


def vis_nn(rows):
    """Images in rows, as a nearest-neighbour search shows them: `rows`, a list of lists of (H, W, C); scaled to 0 ... 1."""
    height, width, channels = rows[0][0].shape
    columns = max(len(row) for row in rows)
    low = min(np.min(image) for row in rows for image in row)
    grid = np.full((len(rows) * (height + 1) + 1, columns * (width + 1) + 1, channels), low, dtype=np.float64)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            grid[i * (height + 1) + 1 : (i + 1) * (height + 1), j * (width + 1) + 1 : (j + 1) * (width + 1)] = image
    return _unit(grid)


def _unit(grid):
    """Scaled to 0 ... 1."""
    low, high = grid.min(), grid.max()
    return (grid - low) / max(high - low, 1e-12)
